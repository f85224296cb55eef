"""Runs a case on the converted model, and holds each call to the source's answer."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rnnlite_pipeline.compare.batch_axis import Axes
from rnnlite_pipeline.compare.distance import compare, identical
from rnnlite_pipeline.report.evidence import Check
from rnnlite_pipeline.runtimes.interpreter import Kernels
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import RealRunner, Started
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.noise import powers, ratio
from rnnlite_pipeline.verify.oracle import Answer

#: The kernels a model is verified on.
KERNELS: tuple[Kernels, ...] = ("reference", "default")

Outputs = Mapping[str, Array]

#: What runs a model, by kernels.
Runs = Mapping[str, Callable[[Outputs], Outputs]]

#: For each feed of a case, the outputs of a first call and of a second one.
Calls = tuple[tuple[Outputs, Outputs], ...]


_WRONG = (
    "Run `rnnlite inspect` to see how each recurrence is lowered. If this is the rounding that the "
    "model allows itself, raise verification.max_abs_error; else please report it."
)
_LEAKS = "State leaks from one call to the next; this is a bug of the lowering, please report it."


_NOISY = (
    "The output says little of what the source's says: see `quantization` in verification.json for "
    "where the noise comes from, name that layer in quantization.skip, or take another scheme. If "
    "the output is meant to vary that little, lower verification.min_snr_db."
)


@dataclass(frozen=True)
class Bounds:
    """What passes.

    Attributes:
        max_abs_error: The largest difference (compare/distance.py).
        min_snr_db: The least signal-to-noise ratio in dB (noise.py).
        powers: The power of each output's signal on the data.
    """

    max_abs_error: float
    min_snr_db: float
    powers: Mapping[str, float] = field(default_factory=dict)

    def on(self, answer: Answer) -> Bounds:
        """The same bounds, on data with this answer."""
        return replace(self, powers=powers(answer.outputs))

    def ratio(self, name: str, pairs: Sequence[tuple[Array, Array]]) -> float | None:
        """The ratio of an output, of which there are the source's values and the model's."""
        if pairs[0][0].dtype.kind != "f":
            return None
        source, converted = zip(*pairs, strict=True)
        return ratio(source, converted, self.powers.get(name, 0.0))


def runs_of(runners: Iterable[RealRunner], states: Description, axes: Axes) -> Runs:
    """What runs a model from its first states, on arrays [N, T, ...] whatever the model takes.

    Args:
        runners: The model on each set of kernels.
        states: What it says of its states.
        axes: Where the batch is.
    """
    return {each.kernels: axes.running(Started(each, states).run) for each in runners}


def calls_of(run: Callable[[Outputs], Outputs], case: Case) -> Calls:
    """Runs each feed of a case twice in a row.

    The model keeps its state between the two calls, so that a state that leaks shows.

    Args:
        run: Runs the converted model.
        case: The inputs.
    """
    return tuple((run(feed), run(feed)) for feed in case.feeds)


def judge_case(
    calls: Calls, kernels: str, case: Case, answer: Answer, bounds: Bounds | None
) -> tuple[list[Check], tuple[Outputs, ...]]:
    """Holds each call to the source's answer.

    Args:
        calls: What `calls_of` gave.
        kernels: What the model runs on.
        case: The inputs.
        answer: The source's outputs.
        bounds: What passes; None where the error says nothing (quantized.py).

    Returns:
        The checks, and the outputs of the first calls.
    """
    first, second = tuple(c[0] for c in calls), tuple(c[1] for c in calls)
    checks = [
        check
        for call, outputs in enumerate((first, second), start=1)
        if bounds is not None
        for check in _compared(kernels, case, answer, outputs, call=call, bounds=bounds)
    ]
    checks.append(_repeated(kernels, case, first, second))
    return checks, first


def run_case(
    run: Callable[[Outputs], Outputs],
    kernels: str,
    case: Case,
    answer: Answer,
    bounds: Bounds | None,
) -> tuple[list[Check], tuple[Outputs, ...]]:
    """Both: `calls_of` and `judge_case`."""
    return judge_case(calls_of(run, case), kernels, case, answer, bounds)


def _compared(
    kernels: str,
    case: Case,
    answer: Answer,
    calls: Sequence[Outputs],
    *,
    call: int,
    bounds: Bounds,
) -> Iterator[Check]:
    for name in answer.outputs[0]:
        pairs = [(s[name], own[name]) for s, own in zip(answer.outputs, calls, strict=True)]
        found = functools.reduce(operator.or_, (compare(*pair) for pair in pairs))
        rounding = answer.rounding.get(name)
        limit = found.limit(bounds.max_abs_error, rounding or 0.0)
        snr = None if case.extreme or found.what else bounds.ratio(name, pairs)
        noisy = snr is not None and snr < bounds.min_snr_db
        yield Check(
            name="equals the source",
            passed=found.error <= limit and not noisy,
            detail=found.what,
            remedy=_NOISY if noisy and found.error <= limit else _WRONG,
            data=case.name,
            kernels=kernels,
            batch=tuple(case.batches),
            call=call,
            output=name,
            max_abs_error=found.error,
            scale=found.scale,
            rounding=rounding,
            limit=limit,
            snr_db=snr,
            min_snr_db=None if snr is None else bounds.min_snr_db,
        )


def _repeated(
    kernels: str, case: Case, first: Sequence[Outputs], second: Sequence[Outputs]
) -> Check:
    different = sorted(
        {
            name
            for one, two in zip(first, second, strict=True)
            for name in one
            if not identical(one[name], two[name])
        }
    )
    return Check(
        name="the second call equals the first",
        passed=not different,
        detail=f"differs in {', '.join(different)}" if different else "",
        remedy=_LEAKS,
        data=case.name,
        kernels=kernels,
        batch=tuple(case.batches),
    )


def joined(outputs: Sequence[Outputs], name: str, count: int) -> Array | None:
    """One output of all feeds of the data, [N, ...]; None where its axes are no samples."""
    arrays = [each[name] for each in outputs]
    if any(array.ndim == 0 for array in arrays):
        return None
    if len({array.shape[1:] for array in arrays}) > 1:
        return None
    whole = np.concatenate(arrays)
    return whole[:count] if len(whole) >= count else None
