"""The last step of a sequence becomes the final state it is."""

from __future__ import annotations

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import (
    Producers,
    bypass,
    each_until_settled,
    permutation,
    step_of,
)


def fold_last_step(model: Model) -> bool:
    """Reads the step processed last from the final hidden state.

    1. The step of y that a recurrence processed last (the last one; the first one in reverse) is
       its final hidden state. TRANSPOSEs may stand between, as long as [B, O] comes out.
    2. The one step of EXPAND_DIMS(h) is h.
    """
    return each_until_settled(model, _fold_one)


def _fold_one(model: Model, subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    for op in subgraph.ops:
        place = step_of(op)
        if place is None or op.inputs[0] is None:
            continue
        state = _final_state(made, op.inputs[0], *place) or _only_step(made, op.inputs[0], *place)
        if state is not None and bypass(model, subgraph, op.outputs[0], state):
            subgraph.ops.remove(op)
            return True
    return False


def _final_state(made: Producers, tensor: Tensor, axis: int, index: int) -> Tensor | None:
    order, op = list(range(len(tensor.shape or ()))), made.get(tensor)
    while op is not None and (step := permutation(op)) is not None:
        order = [step[a] for a in order]
        tensor = op.inputs[0] or tensor
        op = made.get(tensor)
    if op is None or op.code != RECURRENCE or tensor is not op.outputs[0]:
        return None
    recurrence: Recurrence = op.options["recurrence"]
    time = 0 if recurrence.time_major else 1
    kept = [a for k, a in enumerate(order) if k != axis]
    if order[axis] != time or kept != [1 - time, 2] or not _is_last(op, time, index):
        return None
    return op.outputs[1]


def _is_last(op: Op, time: int, index: int) -> bool:
    """Whether the step `index` of y is processed last."""
    recurrence: Recurrence = op.options["recurrence"]
    steps = (op.outputs[0].shape or (OPEN,) * 3)[time]
    ends = (0, -steps) if recurrence.reverse else (-1, steps - 1)
    return index == ends[0] or (steps != OPEN and index == ends[1])


def _only_step(made: Producers, tensor: Tensor, axis: int, index: int) -> Tensor | None:
    op = made.get(tensor)
    if op is None or op.code != "EXPAND_DIMS" or op.inputs[1] is None:
        return None
    added = op.inputs[1].array
    if added is None or int(added.flat[0]) % len(tensor.shape or ()) != axis:
        return None
    return op.inputs[0] if index in (0, -1) else None
