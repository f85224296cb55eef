"""A loop of many closed steps and its replacement, both stopped after the first few.

After many steps a chaotic state tells nothing any more, and a growing one is infinite. After a
few, both are still what the weights made of them.

Rules:
    1. The loop gets one more counter, and its condition asks for that as well. Nothing else of it
       changes: its lists keep their lengths, and their later items stay zero.
    2. Each recurrence reads the first steps of its sequence alone; of its output, the last of
       these stands for all later ones. So what is computed of the output keeps its shape, too.
    3. Of what holds every step, the steps that were made are compared. What is a final state of the
       loop, and of a recurrence, is the same in both; so is a list of one item that every step
       overwrites, as Keras writes a last output.
    4. Other results, such as the last step of an expression over the sequence, need not agree: they
       tell something where they do ("told" in `Stopped.unsure`), and nothing where they do not.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.compare.excerpts import Excerpt
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.recognise.loop.loop import STEP

#: The ops that hand on a final state, or put parts of some together.
_HAND_ON = ("CONCATENATION", "EXPAND_DIMS", "RESHAPE", "STRIDED_SLICE", "SLICE")


@dataclass(frozen=True, eq=False)
class Stopped:
    """Two models of one interface, each stopped after the same steps.

    Attributes:
        old: The loop.
        new: Its replacement; RECURRENCE ops are not lowered yet.
        unsure: The outputs that agree in a right replacement as a rule, but not always.
    """

    old: Model
    new: Model
    unsure: frozenset[str]


def stopped(replacement: Replacement, both: Excerpt, turns: int) -> Stopped | None:
    """Both excerpts of a replacement, stopped after some steps; None where that cannot be done.

    Args:
        replacement: What takes the place of a loop.
        both: The excerpts, lists as tensors, RECURRENCE ops not lowered; not changed.
        turns: The steps.
    """
    steps = replacement.loop.steps
    if replacement.replaced or not steps.is_constant or steps.constant <= turns:
        return None
    old, new = copy.deepcopy((both.old, both.new))
    loops = [op for op in old.main.ops if op.code == "WHILE"]
    recurrences = [op for op in new.main.ops if op.code == RECURRENCE]
    if len(loops) != 1 or not all(_length(op) == steps.constant for op in recurrences):
        return None
    final = {id(t) for op in recurrences for t in op.outputs[1:]}
    kept = {k for k, w in replacement.loop.writings.items() if w.index.factor(STEP)}
    final |= {id(t) for number, t in enumerate(loops[0].outputs) if number not in kept}
    _stop_loop(loops[0], turns)
    for op in recurrences:
        _stop_recurrence(new, op, turns)
    unsure = _compare_made_steps(replacement, old, new, turns, final)
    prune(old)
    prune(new)
    return Stopped(old, new, frozenset(unsure)) if old.main.outputs else None


def _length(op: Op) -> int:
    """The closed length that a recurrence runs over, or OPEN."""
    x = op.inputs[0]
    return ((x.shape if x else None) or ())[_time(op)]


def _time(op: Op) -> int:
    return 0 if op.options["recurrence"].time_major else 1


def _stop_loop(loop: Op, turns: int) -> None:
    """Rule 1."""
    cond, body = loop.options["cond_subgraph"], loop.options["body_subgraph"]
    outer, testing, counting = (Builder(f"stopped/{part}") for part in ("main", "cond", "body"))
    made, before = (Tensor(f"stopped/{part}", "INT32", ()) for part in ("cond", "body"))
    less = testing.binary("LESS", made, testing.indices(turns))
    going_on = cond.outputs[0]
    both = testing.op("LOGICAL_AND", [going_on, less], "BOOL", going_on.shape)
    cond.ops += testing.ops
    cond.inputs.append(made)
    cond.outputs[0] = both
    after = counting.binary("ADD", before, counting.indices(1))
    body.ops += counting.ops
    body.inputs.append(before)
    body.outputs.append(after)
    loop.inputs.append(outer.indices(0))
    loop.outputs.append(Tensor("stopped/main", "INT32", ()))


def _stop_recurrence(model: Model, op: Op, turns: int) -> None:
    """Rule 2."""
    x, y, time, length = op.inputs[0], op.outputs[0], _time(op), _length(op)
    assert x is not None, "a recurrence reads a sequence"
    build = Builder("stopped")
    places = list(range(turns))
    if op.options["recurrence"].reverse:
        places = [length - turns + k for k in places]
    x = build.gather(x, build.indices(places), axis=time)
    shape = list(y.shape or ())
    shape[time] = turns
    few = Tensor("stopped/y", y.dtype, tuple(shape))
    rows = [min(max(t - places[0], 0), turns - 1) for t in range(length)]
    later = Builder("stopped")
    later.gather(few, later.indices(rows), axis=time)
    later.ops[-1].outputs = [y]
    op.inputs[0], op.outputs[0] = x, few
    ops = model.main.ops
    place = ops.index(op)
    ops[place : place + 1] = [*build.ops, op, *later.ops]


def _compare_made_steps(
    replacement: Replacement, old: Model, new: Model, turns: int, final: set[int]
) -> list[str]:
    """Rules 3 and 4: cuts the outputs down, in place; returns the unsure ones."""
    pairs = [o for o, _ in replacement.results.values()]
    unsure: list[str] = []
    makers = {t: op for model in (old, new) for op in model.main.ops for t in op.outputs}
    for number, tensor in enumerate(pairs):
        name = f"output_{number}"
        if tensor.dtype != "FLOAT32":
            _replace_output([old, new], name, None)
            continue
        rows = _made(replacement, tensor, turns)
        if rows is not None:
            for model in (old, new):
                build = Builder("stopped")
                whole = model.signatures[0].outputs[name]
                few = build.gather(whole, build.indices(rows), axis=0)
                model.main.ops += build.ops
                _replace_output([model], name, few)
        elif not all(_is_final(m.signatures[0].outputs[name], makers, final) for m in (old, new)):
            unsure.append(name)
    return unsure


def _made(replacement: Replacement, tensor: Tensor, turns: int) -> list[int] | None:
    """The places of the steps that were made, in what holds every step; None for other results."""
    loop, extents = replacement.loop, replacement.extents
    steps = loop.steps.constant
    if (tensor.shape or (0,))[0] != steps or len(tensor.shape or ()) != 3:
        return None
    producer = extents.producer(tensor)
    listed = tensor if producer is loop.op or producer is None else producer.inputs[0]
    outputs = loop.op.outputs
    number = next((k for k, t in enumerate(outputs) if t is listed), None)
    writing = loop.writings.get(number) if number is not None else None
    if writing is None:
        return None
    forward = writing.index.factor(STEP) > 0
    return list(range(turns)) if forward else list(range(steps - turns, steps))


def _is_final(tensor: Tensor, makers: dict[Tensor, Op], final: set[int]) -> bool:
    """Whether a result is a final state, or put together of some."""
    if id(tensor) in final:
        return True
    op = makers.get(tensor)
    if op is None or op.code not in _HAND_ON:
        return False
    read = [t for t in op.inputs if t is not None and t.data is None]
    return bool(read) and all(_is_final(t, makers, final) for t in read)


def _replace_output(models: Sequence[Model], name: str, tensor: Tensor | None) -> None:
    """Puts another tensor in the place of an output, or takes it away."""
    for model in models:
        outputs = model.signatures[0].outputs
        if tensor is None:
            outputs.pop(name)
        else:
            outputs[name] = tensor
        model.main.outputs = list(outputs.values())
