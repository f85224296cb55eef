"""`quantization.scheme: auto`: which schemes and layers in float are tried, and which one is taken.

1. Each scheme is tried with every layer quantized.
2. Where that loses more accuracy than is allowed, each layer is left in float alone. The layers are
   ordered by the error that is left so, the least first: without that layer most is gained.
3. If no such model passes, the layers are left in float in this order, one more each time, until a
   model passes or one layer is left to quantize.
4. The smallest model that passes is taken; of equal ones that with the least error, then that which
   was tried first. Times are told, and not judged: they differ from run to run, a choice must not.

For L layers that is 1 + L + (L - 2) conversions a scheme at most. Those of rule 1 do not depend on
each other, nor do those of rule 2, nor do schemes: they may be made at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.conversion import CALIBRATED, Scheme

#: The schemes that are tried; the calibrated ones where there is calibration data.
SCHEMES: tuple[Scheme, ...] = ("none", "float16", "dynamic_range", *CALIBRATED)

#: What a trial is called: its scheme, and the layers in float.
Name = tuple[Scheme, tuple[str, ...]]


@dataclass(frozen=True)
class Trial:
    """One conversion, and how it did.

    Attributes:
        scheme: The scheme.
        skip: The layers that stay in float.
        reason: Why there is no model, or why it does not run; empty where it does.
        bytes: The size of the file.
        error: The largest difference from the model in float, of any output on any kernels, as a
            part of the output's scale.
        accuracy: The lowest share of right predictions, of any output with labels on any kernels.
        drop: The largest loss of accuracy against the model in float.
        layers: The layers that were quantized.
        ms: The median time of a call, in milliseconds; 0 where it was not measured.
    """

    scheme: Scheme
    skip: tuple[str, ...] = ()
    reason: str = ""
    bytes: int = 0
    error: float = float("inf")
    accuracy: float = 0.0
    drop: float = float("inf")
    layers: tuple[str, ...] = ()
    ms: float = 0.0

    @property
    def name(self) -> Name:
        """What it is called."""
        return self.scheme, self.skip

    def passes(self, most: float) -> bool:
        """Whether it runs, and loses no more accuracy than `most`."""
        return not self.reason and self.drop <= most

    def as_json(self) -> dict[str, Any]:
        """What was measured; of what does not run, why. An infinite error is "inf", no number."""
        told: dict[str, Any] = {"scheme": self.scheme, "skip": list(self.skip)}
        if self.reason:
            return told | {"reason": self.reason}
        figures = ("bytes", "error", "accuracy", "drop", "ms")
        told |= {key: getattr(self, key) for key in figures}
        return told if isfinite(self.error) else told | {"error": "inf"}


def stored(trial: Trial) -> bytes:
    """All of a trial, as a file that `restored` reads."""
    return json.dumps(asdict(trial), sort_keys=True).encode()


def restored(content: bytes) -> Trial:
    """What `stored` wrote; floats are the same to the last bit."""
    told = json.loads(content)
    return Trial(**told | {key: tuple(told[key]) for key in ("skip", "layers")})


#: Makes the trials of these names, in their order. They do not depend on each other.
Attempts = Callable[[Sequence[Name]], Sequence[Trial]]


def schemes_of(config: Config) -> tuple[Scheme, ...]:
    """The schemes that a config lets a search try; `none` is the first."""
    return tuple(s for s in SCHEMES if s not in CALIBRATED or config.quantization.calibration)


def trials(attempts: Attempts, schemes: Sequence[Scheme], most: float) -> list[Trial]:
    """Everything that is tried, scheme after scheme.

    Args:
        attempts: Makes trials; it is called for one round of all schemes after the other.
        schemes: The schemes.
        most: The largest drop of accuracy that passes.
    """
    searches = {scheme: _of_scheme(scheme, most) for scheme in schemes}
    tried: dict[Scheme, list[Trial]] = {scheme: [] for scheme in schemes}
    asked = {scheme: next(each) for scheme, each in searches.items()}
    while asked:
        made = attempts([name for names in asked.values() for name in names])
        later: dict[Scheme, list[Name]] = {}
        for scheme in asked:
            own = [trial for trial in made if trial.scheme == scheme]
            tried[scheme] += own
            try:
                later[scheme] = searches[scheme].send(own)
            except StopIteration:
                continue
        asked = later
    return [trial for scheme in schemes for trial in tried[scheme]]


def _of_scheme(scheme: Scheme, most: float) -> Generator[list[Name], list[Trial]]:
    """Asks for trials, round by round, and is sent them."""
    (whole,) = yield [(scheme, ())]
    if whole.reason or whole.passes(most) or len(whole.layers) < 2:
        return
    alone = yield [(scheme, (layer,)) for layer in whole.layers]
    if any(trial.passes(most) for trial in alone):
        return
    order = [trial.skip[0] for trial in sorted(alone, key=lambda trial: trial.error)]
    for count in range(2, len(order)):
        (trial,) = yield [(scheme, tuple(order[:count]))]
        if trial.passes(most):
            return


def choose(tried: Sequence[Trial], most: float) -> Trial | None:
    """The trial that is taken: rule 4; None where none passes."""
    passing = [trial for trial in tried if trial.passes(most)]
    return min(passing, key=lambda trial: (trial.bytes, trial.error), default=None)


def pareto(tried: Sequence[Trial]) -> list[Trial]:
    """The trials that no other one beats: in size, error, accuracy and time together."""
    ran = [trial for trial in tried if not trial.reason]
    return [one for one in ran if not any(_beats(other, one) for other in ran)]


def _beats(one: Trial, other: Trial) -> bool:
    """Whether one is nowhere worse, and somewhere better."""
    first, second = ((t.bytes, t.error, -t.accuracy, t.ms) for t in (one, other))
    pairs = list(zip(first, second, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def with_times(tried: Sequence[Trial], times: dict[Name, float]) -> list[Trial]:
    """The trials with the times that were measured."""
    return [replace(trial, ms=times.get(trial.name, 0.0)) for trial in tried]
