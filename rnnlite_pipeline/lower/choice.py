"""Which form a recurrence gets: the fused op, loops of builtin ops, or its steps written out."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.errors import Key, NotConvertible
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.by_targets import has_op, no_form, why_not_fused_there, why_not_loop
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.lower.loop.pair import joins
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.stack import MOST_BYTES, stack_weights
from rnnlite_pipeline.lower.loop.turns import CACHE
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import ratio, timed

Arrays = dict[str, NDArray[Any]]

Named = TypeVar("Named", bound=Hashable)

#: What is asked for: the fused op where there is one, always a loop, the fused op or an error,
#: what is faster here, or always steps written out.
Form = Literal["auto", "loop", "fused", "fastest", "unrolled"]

#: Where the config asks for it.
LOWERING: Key = ("recurrent", "lowering")

#: What a recurrence becomes. "loop": one for each direction; "joined": one for both (loop/pair.py);
#: "stacked": one with the layer that it reads, or that reads it (loop/stack.py).
Chosen = Literal["fused", "loop", "joined", "stacked", "unrolled"]

#: Lowers a model to one form; tells what it became: a pair that cannot be joined is a "loop".
Write = Callable[[Model, Chosen], Chosen]

#: The number of steps an open sequence is measured at.
STEPS = 100

#: What part of the time of the forms before it a form may take at most to be chosen; all of the
#: ratio's interval has to be below 1 as well. Less of a gain cannot be told from nothing, and the
#: forms before it make a smaller file.
ADVANTAGE: Mapping[Chosen, float] = {
    "joined": 0.98,
    "loop": 0.98,
    "stacked": 0.95,
    "unrolled": 0.95,
}

#: Up to so many steps are measured written out, as long as the weights that the delegate packs for
#: each step anew, of all such layers, fit into a core's cache (turns.CACHE). Above, it depends on
#: what else uses the caches which form is faster: measured alone and a minute later beside other
#: programs, a bidirectional GRU of 64 units, 28 steps, was faster and then 1.4 times slower.
SHORT = 128


def as_it_is(_model: Model, _scopes: Mapping[str, str]) -> None:
    """The model itself: it is released as it was lowered."""


def no_layer(_name: str) -> bool:
    """None stays in float."""
    return False


@dataclass(frozen=True)
class Lowered:
    """How one recurrence was lowered.

    Attributes:
        name: The layer's name.
        form: What it became.
        reason: Why it is no fused op; empty for one.
        milliseconds: What each form took where it was measured, as it is shipped: quantized; for a
            batch of 1, one thread, the default delegate, `STEPS` steps where their number is open.
        scope: What the names of its tensors begin with, where that is another layer's name.
    """

    name: str
    form: Chosen
    reason: str = ""
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    scope: str = ""


@dataclass(frozen=True)
class Aim:
    """What a lowered model is for.

    Attributes:
        form: What is asked for.
        targets: The runtimes that have to take each form.
        dtype: The type that fused ops will compute in, once the model is quantized.
        pin: What `source.inputs` could be, so that the length is known.
        weight_bytes: What a weight will take.
        finish: What the conversion does to a lowered model before it is shipped, in place, given
            the scope of each layer's tensors: each form is measured after it.
        skipped: Whether a layer of this name stays in float.
        joins: Whether the targets take one loop for both directions.
        stacks: Whether they take one loop for two layers.
        room: The bytes that steps written out may pack weights into.
    """

    form: Form = "auto"
    targets: Sequence[str] = ()
    dtype: str = "FLOAT32"
    pin: str = ""
    weight_bytes: int = 4
    finish: Callable[[Model, Mapping[str, str]], None] = as_it_is
    skipped: Callable[[str], bool] = no_layer
    joins: bool = False
    stacks: bool = False
    room: int = CACHE


def scopes(op: Op, form: Chosen) -> dict[str, str]:
    """The scope that the tensors of each layer of an op stand in, once it has a form."""
    names = [recurrence.name for recurrence in op.options.values()]
    return {name: names[0] if form in ("fused", "joined") else name for name in names}


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
    if first.form in ("loop", "joined") and length == 1:
        return replace(first, form="unrolled", reason=f"{first.reason}; it has one step")
    against = [] if first.form == "unrolled" else list(why_not_loop(aim.targets))
    if first.form in ("loop", "joined") and not against:
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
        model = _alone([op], used, closed=True)
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
    loops: Chosen = "joined" if _may_join(op, aim) and joins(recurrences[0]) else "loop"
    if not_fused:
        return Lowered(name, loops, not_fused)
    if form == "loop":
        return Lowered(name, loops, "recurrent.lowering is loop")
    return Lowered(name, "fused")


def _may_join(op: Op, aim: Aim) -> bool:
    """Whether both directions may be one loop: what stays in float are both, or none."""
    stays = {aim.skipped(recurrence.name) for recurrence in op.options.values()}
    return aim.joins and len(op.options) > 1 and len(stays) == 1


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
        forms += ["joined"] if _may_join(op, aim) else []
        fits = 0 < packed(op, aim.weight_bytes) <= aim.room
        forms += ["loop", "unrolled"] if fits else ["loop"]
    if len(forms) < 2:
        return Lowered(name, forms[0] if forms else "loop", not_fused)
    rounds = _rounds(op, aim, used, write, forms)
    first, *others = rounds
    best = first
    for form in others:
        found = ratio(rounds[form], rounds[best])
        if found.median < ADVANTAGE[form] and found.high < 1.0:
            best = form
    faster = "" if best == first else f"it is faster here than {_CALLED[first]}"
    times: dict[str, float] = {form: median(each) for form, each in rounds.items()}
    return Lowered(name, best, "; ".join(filter(None, (not_fused, faster))), times)


#: What a form is called in a sentence.
_CALLED: Mapping[Chosen, str] = {
    "fused": "the fused op",
    "joined": "one loop for both directions",
    "loop": "a loop",
}


def stacked(
    first: Op, second: Op, aim: Aim, used: set[Tensor], write: Callable[[Model, bool], None]
) -> bool:
    """Whether two recurrences that become loops are one loop.

    Args:
        first: RECURRENCE.
        second: The RECURRENCE that reads what it puts out.
        aim: What the model is for.
        used: The tensors that something reads.
        write: Lowers a model of these two ops to one loop, or to two.
    """
    one, two = (next(iter(op.options.values())) for op in (first, second))
    x, y, *finals = first.inputs[0], *first.outputs
    alike = one.reverse == two.reverse and one.time_major == two.time_major
    if not aim.stacks or not alike or second.inputs[0] is not y or not used.isdisjoint(finals):
        return False
    if _length(first) < 2 or x is None or aim.skipped(one.name) != aim.skipped(two.name):
        return False
    weights, size = stack_weights(one, two), 4 if aim.skipped(one.name) else aim.weight_bytes
    if weights is None or weights * size > CACHE:
        return False
    if aim.form != "fastest":
        return weights * size <= MOST_BYTES
    runners: dict[bool, Runner] = {}
    for together in (False, True):
        model = _alone([first, second], used)
        write(model, together)
        scope = {one.name: one.name, two.name: one.name if together else two.name}
        runners[together] = _as_shipped(model, aim, scope)
    found = _timed(first, runners)
    saved = ratio(found[True], found[False])
    return saved.median < ADVANTAGE["stacked"] and saved.high < 1.0


def packed(op: Op, weight_bytes: int) -> int:
    """The bytes that the delegate packs for a pseudo op's steps if they are written out.

    0 where they are too many, or one, or their number is not known.
    """
    steps = _length(op)
    if not 1 < steps <= SHORT:
        return 0
    weights = sum(plan(r.cell.equations(), hoists=True).weights() for r in op.options.values())
    return steps * weights * weight_bytes


def _rounds(
    op: Op, aim: Aim, used: set[Tensor], write: Write, forms: Sequence[Chosen]
) -> dict[Chosen, list[float]]:
    """Milliseconds a call, round by round, of each form as it would be shipped.

    Those that are one form when they are written count once.
    """
    runners: dict[Chosen, Runner] = {}
    for asked in forms:
        model = _alone([op], used)
        form = write(model, asked)
        if form in runners:
            continue
        runners[form] = _as_shipped(model, aim, scopes(op, form), every=form == "unrolled")
    return _timed(op, runners)


def _as_shipped(model: Model, aim: Aim, scope: Mapping[str, str], *, every: bool = False) -> Runner:
    """A lowered model, finished as the whole will be; `every`: all of its loops are written out."""
    aim.finish(model, scope)
    unroll(model, every=every, has=has_op(aim.targets), packs=True)
    return Runner(write_model(model), "default")


def _timed(op: Op, runners: Mapping[Named, Runner]) -> dict[Named, list[float]]:
    """Milliseconds a call, round by round, of models that read what an op reads."""
    inputs = _numbers(op, next(iter(runners.values())))
    for runner in runners.values():
        runner.run(inputs)
    # One thread does all the work; what others take does not count.
    return timed({key: runner.invoke for key, runner in runners.items()}, time.thread_time)


def _alone(ops: Sequence[Op], used: set[Tensor], *, closed: bool = False) -> Model:
    """A model of these ops alone, in which open dimensions stay open, or are closed as `_sizes`.

    With the batch closed, what follows from a first state of zeros would be computed ahead, and
    not be measured (lower/constants.py).
    """
    own: dict[Tensor, Tensor] = {}
    alone: list[Op] = []
    for op in ops:
        for tensor in [*op.inputs, *op.outputs]:
            if tensor is not None and tensor.data is None and tensor not in own:
                shape = _sizes(op, tensor.shape or ()) if closed else tensor.shape
                own[tensor] = replace(tensor, shape=shape)
        inputs = [own.get(t, t) if t is not None else None for t in op.inputs]
        alone.append(Op(op.code, inputs, [own[t] for t in op.outputs], dict(op.options)))
    made = {t for op in alone for t in op.outputs}
    read = [t for op in alone for t in op.inputs if t is not None and t.data is None]
    fed = [t for t in dict.fromkeys(read) if t not in made]
    within = {t for op in ops for t in op.inputs}
    put_out = [own[t] for op in ops for t in op.outputs if t in used and t not in within]
    return standing_alone(fed, put_out, alone)


def _sizes(op: Op, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape for a batch of 1, and for `STEPS` steps, where these are open."""
    recurrence: Recurrence = next(iter(op.options.values()))
    time_axis = 0 if recurrence.time_major else 1
    lengths = [STEPS if axis == time_axis and len(shape) == 3 else 1 for axis in range(len(shape))]
    return tuple(n if d == OPEN else d for d, n in zip(shape, lengths, strict=True))


def _numbers(op: Op, runner: Runner) -> Arrays:
    random = np.random.default_rng(0)
    ports = runner.inputs.items()
    return {name: random.normal(size=_sizes(op, p.shape)).astype(np.float32) for name, p in ports}
