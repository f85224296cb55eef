"""A row of the coverage table on every target: what its tables say, and what the runtime does.

The row's model is built with its framework, at a batch of 1 (the batch of its author where that is
fixed) and its own length. For each target it is converted as a config with that target alone asks
for: in float32, and in int8 throughout where the target computes in integers alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible, StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, Verdict, micro
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.runners import RUNNERS, open_runner
from rnnlite_pipeline.runtimes.vela import ACCELERATORS, compile_model
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import converted, unsuited
from rnnlite_pipeline.verify.application import RealRunner
from tests.coverage.measure import SMALLEST
from tests.coverage.row import BATCH, Row
from tests.random_models.held import LIMIT, feed

#: Targets that compute in integers alone.
INTEGERS = frozenset({*ACCELERATORS, "edgetpu"})

#: The batch of a row whose sequences are [T, B, F]: it is the first axis, so it is the length.
STEPS = 6

#: How many samples a model is calibrated on: whole batches of 1, 3 and 6.
SAMPLES = 48

#: The largest error of an int8 model, as a part of its output's scale. Of these small models with
#: random weights, what layer normalization costs in int8 is some 0.1; a wrong value is off by 1.
IN_INTEGERS = 0.25

#: What the op of a layer is called here; a fused op is "fused".
_FORMS = {"WHILE": "loop", "UNROLLED": "steps"}


@dataclass(frozen=True)
class Placed:
    """A row on a target.

    Attributes:
        target: The target.
        forms: What the recurrent layers became: fused, loop, steps. Empty where none is taken.
        outcome: "yes"; "partly", where an accelerator leaves ops to the CPU; "no".
        reasons: Of "partly" and "no": what is refused, and why.
        left: The codes of the ops that are refused.
        model: The model for this target; None where there is none.
    """

    target: str
    forms: tuple[str, ...]
    outcome: str
    reasons: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()
    model: Model | None = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """For targets.json."""
        return {"forms": list(self.forms), "outcome": self.outcome, "reasons": list(self.reasons)}


class Built:
    """A row's model, opened in its framework, and its canonical graph.

    Args:
        row: The row.
        folder: Where its files are written.
    """

    def __init__(self, row: Row, folder: Path) -> None:
        self.row = row
        BATCH.set(STEPS if row.time_major else 1)
        self.source: SourceModel = with_states(row.build(folder))
        self._graph = to_tflite(self.source)
        self._calibration = folder / "calibration.npz"
        np.savez(self._calibration, **self._samples())  # type: ignore[arg-type]

    def _samples(self) -> dict[str, NDArray[Any]]:
        """Numbers for every input, with `SAMPLES` entries along the first axis."""
        rows = self.source.inputs[0].shape[0] or 1
        made = [self.feed(100 + k, 1.0) for k in range(SAMPLES // rows)]
        return {name: np.concatenate([each[name] for each in made]) for name in made[0]}

    def feed(self, seed: int, magnitude: float) -> dict[str, NDArray[Any]]:
        """Numbers for one call."""
        random = np.random.default_rng(seed)
        return feed(self.source.inputs, (1, STEPS, magnitude), self.row.time_major, random)

    def config(self, target: str, **recurrent: Any) -> Config:
        """A config with this target alone."""
        fields: dict[str, Any] = {
            "name": "row",
            "source": {"format": "keras", "path": "row.keras"},
            "targets": (target,),
            "recurrent": recurrent,
        }
        if target in INTEGERS:
            fields["quantization"] = {
                "scheme": "int8",
                "calibration": {"path": str(self._calibration)},
                "input_type": "int8",
                "output_type": "int8",
            }
        return Config.model_validate(fields)

    def on(self, target: str) -> Placed:
        """The row on a target, by its tables."""
        config = self.config(target)
        try:
            conversion = converted(read_model(self._graph), config)
        except NotConvertible as error:
            return Placed(target, (), "no", (error.message,))
        forms = tuple(dict.fromkeys(_FORMS.get(x.op, "fused") for x in conversion.layers))
        model = conversion.model
        verdict = RUNTIMES[target].judge(model)
        if verdict.takes:
            return Placed(target, forms, "yes", model=model)
        outcome = "no" if unsuited(model, config) else "partly"
        left = frozenset(each.op for each in verdict.refusals)
        return Placed(target, forms, outcome, tuple(_reasons(verdict)), left, model)


def _reasons(verdict: Verdict) -> Iterator[str]:
    """What is refused and why, once each, without the names of tensors."""
    yield from dict.fromkeys(f"{each.op}: {each.reason}" for each in verdict.refusals)


@dataclass(frozen=True)
class Held:
    """How a row was held to its target here, and what came of it.

    Attributes:
        how: "run" on the runtime, "compiled" by its compiler, or "by table" alone.
        error: The power of ten above the largest error, as a part of its output's scale, on the
            runtime; where that cannot run it, on LiteRT's reference kernels. None where there is
            no model that the target takes.
        refused: The forms that the target's table refuses, and that were run all the same: the
            runtime refused each, or gave wrong numbers.
        wrong: What the runtime does otherwise than its table says, one sentence each.
    """

    how: str = "by table"
    error: int | None = None
    refused: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For targets.json."""
        return {"how": self.how, "error": self.error, "refused": list(self.refused)}


def hold(built: Built, placed: Placed, others: Iterable[Placed] = ()) -> Held:
    """Runs or compiles a row's model on its target, and holds both to the target's table.

    1. What the table takes, the runtime runs: called twice on each of two feeds, it gives the
       source's numbers.
    2. Vela leaves to the CPU the ops that the table refuses, and no others.
    3. What is not run on its target is run on LiteRT: the model that is shipped gives the source's
       numbers, in int8 to `IN_INTEGERS` of the output's scale.
    4. A model in another form, which the table refuses, is refused by the runtime too, or gives
       other numbers. LiteRT.js is not asked: it has the loader of CompiledModel.

    Args:
        built: The row.
        placed: The row on the target.
        others: The same on other targets, for rule 4.
    """
    target = placed.target
    if target not in RUNNERS:
        return _not_run(built, placed)
    refused, wrong = ([], []) if target == "litert-web" else _refused(built, target, others)
    if placed.model is None:
        return Held("run" if refused else "by table", None, tuple(refused), tuple(wrong))
    error = None
    try:
        error = exponent(_error(built, target, write_model(placed.model)))
        if placed.outcome == "no":
            wrong.append("its table refuses it, and it runs")
    except (StageError, AssertionError) as failure:
        if placed.outcome != "no":
            wrong.append(f"its table takes it: {failure}")
    return Held("run", error, tuple(refused), tuple(wrong))


def _not_run(built: Built, placed: Placed) -> Held:
    """Rules 2 and 3."""
    compiles = placed.target in ACCELERATORS
    if placed.model is None or (placed.outcome == "no" and not compiles):
        return Held()
    wrong = list(_compiled(placed.model, placed)) if compiles else []
    error = None
    try:
        error = exponent(_error(built, "litert", write_model(placed.model)))
    except (StageError, AssertionError) as failure:
        wrong.append(f"on LiteRT: {failure}")
    return Held("compiled" if compiles else "by table", error, wrong=tuple(wrong))


def _compiled(model: Model, placed: Placed) -> Iterator[str]:
    try:
        made = compile_model(write_model(model), placed.target)
    except StageError as failure:
        yield f"Vela refuses the model: {failure}"
        return
    left = {each.op for each in made.cpu_ops}
    if more := left - placed.left:
        yield f"Vela leaves {', '.join(sorted(more))} to the CPU, which the table takes"
    if extra := placed.left - left:
        yield f"Vela takes {', '.join(sorted(extra))}, which the table refuses"


def _refused(built: Built, target: str, others: Iterable[Placed]) -> tuple[list[str], list[str]]:
    """The forms of other targets that the table of this one refuses: asked of its kernels.

    Returns:
        The forms that its kernels refuse too, or compute wrongly; and a sentence for each that
        they compute.
    """
    seen: set[tuple[str, ...]] = set()
    refused, wrong = [], []
    for other in others:
        if other.model is None or other.forms in seen or other.target in INTEGERS:
            continue
        verdict = RUNTIMES[target].judge(other.model)
        if verdict.takes:
            continue
        seen.add(other.forms)
        forms = " and ".join(other.forms)
        try:
            # MicroRunner asks the table before it runs a model: the kernels are asked here.
            with mock.patch.object(micro, "why_wrong", return_value=[]):
                _error(built, target, write_model(other.model))
        except (StageError, AssertionError):
            refused.append(forms)
            continue
        wrong.append(f"its table refuses {forms} ({verdict}), and it runs")
    return refused, wrong


def _error(built: Built, target: str, content: bytes) -> float:
    """The largest error of a model on a target, as a part of its output's scale.

    An int8 model is fed what it was calibrated for.

    Raises:
        StageError: The runtime does not load it, or fails.
        AssertionError: The numbers are not the source's, or differ from call to call.
    """
    model = read_model(content)
    integers = any(t.quantization and t.quantization.scale for t in model.main.inputs)
    limit = IN_INTEGERS if integers else LIMIT
    opened: Any = Runner(content, "reference") if integers else open_runner(target, content)
    runner = RealRunner(opened, model)
    worst = 0.0
    try:
        for seed, magnitude in ((0, 1.0), (1, 1.0 if integers else 3.0)):
            given = built.feed(seed, magnitude)
            wanted = built.source.run(given)
            results = [runner.run(given) for _ in range(2)]
            for name, value in wanted.items():
                assert np.array_equal(results[0][name], results[1][name]), f"{name} leaks"
                found = compare(value, results[0][name])
                assert found.error <= limit * found.scale, f"{name}: {found}"
                worst = max(worst, found.error / (found.scale or 1.0))
    finally:
        if hasattr(opened, "close"):
            opened.close()
    return worst


def exponent(error: float) -> int:
    """The power of ten above an error."""
    return max(SMALLEST, math.ceil(math.log10(error))) if error else SMALLEST
