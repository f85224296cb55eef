"""Every state has room for the batch of the call."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import consumers
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.late import late_ops


def give_states_room(model: Model) -> bool:
    """Puts a SLICE in front of each state that the interpreter would size too late.

    1. The interpreter plans the memory of variables once, with what it has prepared by then:
       before the first op that is sized when the model runs (shapes/late.py). A state whose writer
       is prepared later keeps the room of batch 1, and a larger batch overwrites what stands behind
       it (arena_planner.cc, CalculateAllocations: persistent tensors are not allocated anew).
    2. Which ops come before the writer is not told by the order in the file: a delegate runs the
       ops of a part together, and all that does not wait for the part may run before it. So each
       such op counts that does not itself wait for the state.
    3. What writes the state then is a SLICE: it gives an output with an open dimension memory of
       its own (slice.cc, Prepare: SetTensorToDynamic). A SLICE is sized late itself, so the next
       state of the subgraph gets one as well.
    4. What a loop or a branch runs is sized by the loop: all states in it get one.

    Requires: each state is written by one op that does not work in place (lower/states.py).
    Ensures: `without_room(model)` is empty.
    """
    changed = False
    for subgraph in model.subgraphs:
        while found := _without_room(subgraph, subgraph is not model.main):
            for op in found:
                _write_by_slice(subgraph, op)
            changed = True
    return changed


def without_room(model: Model) -> list[Tensor]:
    """The states that a larger batch would overrun."""
    return [op.outputs[0] for s in model.subgraphs for op in _without_room(s, s is not model.main)]


def _without_room(subgraph: Subgraph, is_called: bool) -> list[Op]:
    """The writers of these states."""
    writers = [op for op in subgraph.ops if op.outputs and op.outputs[0].is_variable]
    open_ones = [
        op for op in writers if op.code != "SLICE" and OPEN in (op.outputs[0].shape or (OPEN,))
    ]
    if is_called or not open_ones:
        return open_ones
    late, readers = late_ops(subgraph), consumers(subgraph)
    return [op for op in open_ones if not _after(op, readers).issuperset(late)]


def _after(op: Op, readers: dict[Tensor, list[Op]]) -> set[Op]:
    """The ops that wait for the output of an op."""
    found: set[Op] = set()
    stack = [op]
    while stack:
        new = [r for t in stack.pop().outputs for r in readers.get(t, ()) if r not in found]
        found.update(new)
        stack += new
    return found


def _write_by_slice(subgraph: Subgraph, op: Op) -> None:
    (state,) = op.outputs
    build = Builder(state.name)
    value = build.tensor("value", state.dtype, state.shape)
    value.quantization = state.quantization
    op.outputs = [value]
    rank = len(state.shape or ())
    build.op("SLICE", [value, *map(build.indices, ([0] * rank, [-1] * rank))], state.dtype, ())
    build.ops[-1].outputs = [state]
    place = subgraph.ops.index(op) + 1
    subgraph.ops[place:place] = build.ops
