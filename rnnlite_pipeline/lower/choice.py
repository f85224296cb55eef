"""Which form a recurrence gets: the fused op, a loop of builtin ops, or its steps written out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.errors import Key, NotConvertible
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.by_targets import has_op, no_form, why_not_fused_there, why_not_loop
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.turns import CACHE
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes.interpreter import Runner

Arrays = dict[str, NDArray[Any]]

#: What is asked for: the fused op where there is one, always a loop, the fused op or an error,
#: what is faster here, or always steps written out.
Form = Literal["auto", "loop", "fused", "fastest", "unrolled"]

#: Where the config asks for it.
LOWERING: Key = ("recurrent", "lowering")

#: What a recurrence becomes.
Chosen = Literal["fused", "loop", "unrolled"]

#: Lowers a model to one form.
Write = Callable[[Model, Chosen], None]

#: The number of steps an open sequence is measured at.
STEPS = 100

#: What part of the time of the forms before it a form may take at most to be chosen. Less of a gain
#: cannot be told from nothing; the fused op is one op, and smaller; steps that are written out make
#: a larger file.
ADVANTAGE: Mapping[Chosen, float] = {"loop": 0.98, "unrolled": 0.9}

#: Up to so many steps are measured written out, as long as the weights that the delegate packs for
#: each step anew fit into a core's cache (turns.CACHE): where other programs use it as well, a loop
#: is faster above (two GRUs of 64 units in float, 28 steps: 2.3 times).
SHORT = 128

#: The forms are timed in turns, in so many rounds of about so many seconds each; the median counts.
#: Rounds are shorter than the turns that the system gives to other processes.
ROUNDS, SECONDS = 31, 0.002

#: No more rounds are begun after so many seconds, but for the least.
PATIENCE, LEAST = 10.0, 3


def as_it_is(_model: Model) -> None:
    """The model itself: it is released as it was lowered."""


@dataclass(frozen=True)
class Lowered:
    """How one recurrence was lowered.

    Attributes:
        name: The layer's name.
        form: What it became.
        reason: Why it is no fused op; empty for one.
        milliseconds: What each form took where it was measured, as it is shipped: quantized; for a
            batch of 1, one thread, the default delegate, `STEPS` steps where their number is open.
    """

    name: str
    form: Chosen
    reason: str = ""
    milliseconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Aim:
    """What a lowered model is for.

    Attributes:
        form: What is asked for.
        targets: The runtimes that have to take each form.
        dtype: The type that fused ops will compute in, once the model is quantized.
        pin: What `source.inputs` could be, so that the length is known.
        weight_bytes: What a weight will take.
        finish: What the conversion does to a lowered model before it is shipped, in place: each
            form is measured after it.
    """

    form: Form = "auto"
    targets: Sequence[str] = ()
    dtype: str = "FLOAT32"
    pin: str = ""
    weight_bytes: int = 4
    finish: Callable[[Model], None] = as_it_is


def choose(
    op: Op, aim: Aim, used: set[Tensor], write: Write, why_not: Callable[[Op], str]
) -> Lowered:
    """What a pseudo op becomes: of the forms that all targets take, the first that is allowed.

    A fused op where one says the same, a loop, or steps written out. A loop of one step is always
    written out.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        aim: What the model is for.
        used: The tensors that something reads.
        write: Lowers a model of this op alone.
        why_not: Why a fused op that says the same is not wanted; empty if it is.

    Raises:
        NotConvertible: `form` is "fused", and no fused op says the same; or the targets take none
            of the forms that are allowed.
    """
    first = _as_asked(op, aim, used, write, partial(_not_fused, aim, used, write, why_not))
    if first.form == "fused":
        return first
    length = _length(op)
    if first.form == "loop" and length == 1:
        return replace(first, form="unrolled", reason=f"{first.reason}; it has one step")
    against = [] if first.form == "unrolled" else list(why_not_loop(aim.targets))
    if first.form == "loop" and not against:
        return first
    if length != OPEN and aim.form != "loop":
        reason = first.reason if first.form == "unrolled" else f"{first.reason}; {against[0]}"
        return replace(first, form="unrolled", reason=reason)
    keys: list[Key] = [("targets", each.target) for each in against]
    tried = [("loop", "; ".join(map(str, against)))] if against else []
    if aim.form == "loop":
        raise no_form(first.name, tried, _OTHERS, keys or [LOWERING])
    tried = [("fused", first.reason), *tried] if against else []
    remedy = f"Pin the length, with yours in place of {STEPS}: source.inputs: {aim.pin}. {_ELSE}"
    tried += [("unrolled", "its length is open")]
    raise no_form(first.name, tried, remedy, keys or [LOWERING])


#: What to do where the targets take no loop.
_OTHERS = "Set recurrent.lowering to auto or unrolled, or leave the target out."

#: What else to do where a length has to be known.
_ELSE = "Or remove what forbids loops: the target, or recurrent.lowering: unrolled."


def _not_fused(
    aim: Aim, used: set[Tensor], write: Write, why_not: Callable[[Op], str], op: Op
) -> str:
    """Why a fused op is not allowed, or not supported by a target."""
    if reason := why_not(op):
        return reason

    def alone(op: Op) -> Model:
        model = _alone(op, used)
        write(model, "fused")
        return model

    return next(map(str, why_not_fused_there(op, aim.targets, aim.dtype, alone)), "")


def _length(op: Op) -> int:
    """The number of steps; OPEN where it is not known."""
    recurrence: Recurrence = next(iter(op.options.values()))
    x = op.inputs[0]
    return x.shape[0 if recurrence.time_major else 1] if x is not None and x.shape else OPEN


def _as_asked(
    op: Op, aim: Aim, used: set[Tensor], write: Write, why_not: Callable[[Op], str]
) -> Lowered:
    """The form that the config asks for, which may be a loop."""
    form = aim.form
    recurrences: list[Recurrence] = list(op.options.values())
    name = recurrences[0].name
    if form == "unrolled":
        return Lowered(name, "unrolled", "recurrent.lowering is unrolled")
    without = next(filter(why_not_fused, recurrences), None)
    if without and form == "fused":
        raise NotConvertible(
            f"{without.name}: {why_not_fused(without)}.",
            "Set recurrent.lowering to auto to write it as a loop.",
            LOWERING,
        )
    not_fused = (without and why_not_fused(without)) or why_not(op)
    if form == "fastest":
        return _fastest(op, aim, used, write, not_fused)
    if not_fused:
        return Lowered(name, "loop", not_fused)
    if form == "loop":
        return Lowered(name, "loop", "recurrent.lowering is loop")
    return Lowered(name, "fused")


def _fastest(op: Op, aim: Aim, used: set[Tensor], write: Write, not_fused: str) -> Lowered:
    """The form that takes the least time, of those that the targets take; a loop where one is left.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        aim: What the model is for.
        used: The tensors that something reads.
        write: Lowers a model of this op alone.
        not_fused: Why it is no fused op; empty if it may be.
    """
    recurrences: list[Recurrence] = list(op.options.values())
    name = recurrences[0].name
    forms: list[Chosen] = [] if not_fused else ["fused"]
    if not list(why_not_loop(aim.targets)):
        forms += ["loop", "unrolled"] if _is_short(op, aim) else ["loop"]
    if len(forms) < 2:
        return Lowered(name, forms[0] if forms else "loop", not_fused)
    times = _times(op, aim, used, write, forms)
    best, *others = forms
    for form in others:
        if times[form] < ADVANTAGE[form] * times[best]:
            best = form
    faster = "" if best == forms[0] else f"it is faster here than {_CALLED[forms[0]]}"
    return Lowered(name, best, "; ".join(filter(None, (not_fused, faster))), times)


#: What a form is called in a sentence.
_CALLED: Mapping[Chosen, str] = {"fused": "the fused op", "loop": "a loop"}


def _is_short(op: Op, aim: Aim) -> bool:
    """Whether its steps may be faster written out than in a loop."""
    steps = _length(op)
    weights = sum(plan(r.cell.equations(), hoists=True).weights() for r in op.options.values())
    return 1 < steps <= SHORT and steps * weights * aim.weight_bytes <= CACHE


def _times(
    op: Op, aim: Aim, used: set[Tensor], write: Write, forms: Sequence[Chosen]
) -> dict[str, float]:
    """Milliseconds a call, by form, each as it would be shipped."""
    runners: dict[str, Runner] = {}
    for form in forms:
        model = _alone(op, used)
        write(model, form)
        aim.finish(model)
        unroll(model, every=form == "unrolled", has=has_op(aim.targets), packs=True)
        runners[form] = Runner(write_model(model), "default")
    inputs = _numbers(runners[forms[0]])
    calls = {form: _calls(runner, inputs) for form, runner in runners.items()}
    rounds: dict[str, list[float]] = {form: [] for form in forms}
    begun = time.perf_counter()
    for count in range(ROUNDS):
        if count >= LEAST and time.perf_counter() - begun > PATIENCE:
            break
        for name, runner in runners.items():
            rounds[name].append(_seconds(runner, calls[name]) / calls[name])
    return {name: 1e3 * median(times) for name, times in rounds.items()}


def _seconds(runner: Runner, calls: int) -> float:
    """The CPU time of the calls in this thread, which does all the work."""
    start = time.thread_time()
    for _ in range(calls):
        runner.invoke()
    return time.thread_time() - start


def _calls(runner: Runner, inputs: Arrays) -> int:
    """How many calls fill a round; the first call, which prepares, does not count."""
    runner.run(inputs)
    return max(1, int(SECONDS / max(_seconds(runner, 1), 1e-9)))


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
    return standing_alone(fed, [closed[t] for t in op.outputs if t in used], [alone])


def _numbers(runner: Runner) -> Arrays:
    random = np.random.default_rng(0)
    ports = runner.inputs.items()
    return {name: random.normal(size=p.shape).astype(np.float32) for name, p in ports}
