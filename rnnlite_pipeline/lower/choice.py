"""Which form a recurrence gets: the fused op, or a loop of builtin ops."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.runtimes.interpreter import Runner

Arrays = dict[str, NDArray[Any]]

#: What is asked for: the fused op where there is one, always a loop, the fused op or an error,
#: or what is faster here.
Form = Literal["auto", "loop", "fused", "fastest"]

#: What a recurrence becomes.
Chosen = Literal["fused", "loop"]

#: Lowers a model to one form.
Write = Callable[[Model, Chosen], None]

#: The number of steps an open sequence is measured at.
STEPS = 100

#: How much less time a loop must take to be chosen: the fused op is one op, and smaller.
ADVANTAGE = 0.95

#: Each form is timed in as many rounds, in turns, for as long as this each; the best counts.
ROUNDS, SECONDS = 9, 0.02


@dataclass(frozen=True)
class Lowered:
    """How one recurrence was lowered.

    Attributes:
        name: The layer's name.
        form: What it became.
        reason: Why it is a loop; empty for a fused op.
        milliseconds: What each form took where it was measured: for a batch of 1, one thread,
            the default delegate, `STEPS` steps where their number is open.
    """

    name: str
    form: Chosen
    reason: str = ""
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def choose(
    op: Op, form: Form, used: set[Tensor], write: Write, why_not: Callable[[Op], str]
) -> Lowered:
    """What a pseudo op becomes.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        form: What is asked for.
        used: The tensors that something reads.
        write: Lowers a model of this op alone.
        why_not: Why a fused op that says the same is not wanted; empty if it is.

    Raises:
        NotConvertible: `form` is "fused", and no fused op says the same.
    """
    recurrences: list[Recurrence] = list(op.options.values())
    name = recurrences[0].name
    for recurrence in recurrences:
        reason = why_not_fused(recurrence)
        if reason and form == "fused":
            raise NotConvertible(
                f"{recurrence.name}: {reason}.",
                "Set recurrent.lowering to auto to write it as a loop.",
            )
        if reason:
            return Lowered(name, "loop", reason)
    if reason := why_not(op):
        return Lowered(name, "loop", reason)
    if form == "loop":
        return Lowered(name, "loop", "recurrent.lowering is loop")
    if form != "fastest":
        return Lowered(name, "fused")
    times = _times(op, used, write)
    if times["loop"] < ADVANTAGE * times["fused"]:
        return Lowered(name, "loop", "it is faster here than the fused op", times)
    return Lowered(name, "fused", "", times)


def _times(op: Op, used: set[Tensor], write: Write) -> dict[str, float]:
    """Milliseconds a call, by form."""
    forms: tuple[Chosen, ...] = ("fused", "loop")
    runners = {}
    for form in forms:
        model = _alone(op, used)
        write(model, form)
        runners[form] = Runner(write_model(model), "default")
    inputs = _numbers(runners["fused"])
    calls = {form: _calls(runner, inputs) for form, runner in runners.items()}
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(ROUNDS):
        for form, runner in runners.items():
            start = time.perf_counter()
            for _ in range(calls[form]):
                runner.run(inputs)
            took = (time.perf_counter() - start) / calls[form]
            best[form] = min(best[form], 1e3 * took)
    return {str(form): took for form, took in best.items()}


def _calls(runner: Runner, inputs: Arrays) -> int:
    """How many calls fill a round; the first call, which prepares, does not count."""
    runner.run(inputs)
    start = time.perf_counter()
    runner.run(inputs)
    return max(1, int(SECONDS / (time.perf_counter() - start)))


def _alone(op: Op, used: set[Tensor]) -> Model:
    """A model of this op alone, for a batch of 1 and for `STEPS` steps where open."""
    recurrence: Recurrence = next(iter(op.options.values()))
    time_axis = 0 if recurrence.time_major else 1
    closed: dict[Tensor, Tensor] = {}
    for tensor in [*op.inputs, *op.outputs]:
        if tensor is not None and tensor.data is None:
            shape = tensor.shape or ()
            lengths = [STEPS if axis == time_axis and len(shape) == 3 else 1 for axis in range(3)]
            sizes = (length if d == OPEN else d for d, length in zip(shape, lengths, strict=False))
            closed[tensor] = replace(tensor, shape=tuple(sizes))
    inputs = [closed.get(t, t) if t is not None else None for t in op.inputs]
    outputs = [closed[t] for t in op.outputs]
    alone = Op(op.code, inputs, outputs, dict(op.options))
    fed = [t for t in dict.fromkeys(inputs) if t is not None and t.data is None]
    main = Subgraph("main", fed, [closed[t] for t in op.outputs if t in used], [alone])
    ports = {f"input_{k}": tensor for k, tensor in enumerate(fed)}
    results = {f"output_{k}": tensor for k, tensor in enumerate(main.outputs)}
    return Model([main], [Signature("serving_default", main, ports, results)])


def _numbers(runner: Runner) -> Arrays:
    random = np.random.default_rng(0)
    ports = runner.inputs.items()
    return {name: random.normal(size=p.shape).astype(np.float32) for name, p in ports}
