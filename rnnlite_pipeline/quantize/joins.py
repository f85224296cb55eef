"""Slices of joined tensors read what was joined: integers of one join have one scale.

An integer CONCATENATION has one scale for all of its operands. A mask of 0 and 1 that is joined
with features from -400 to 400 rounds to 0 in it, and small features beside large ones to a few
steps. Where the join is parted again, it is gone round, before anything is measured:

1. A STRIDED_SLICE of some columns of a CONCATENATION along them reads the operands that hold them.
2. TRANSPOSE, and REVERSE_V2 along other axes, may stand between the two; what is read is turned
   in the same way.
3. A join of which nothing else is read is removed.
4. A join with a variable stays: through it a state is read behind the op that changes it
   (lower/states.py, rule 4).

What several columns of a join are multiplied with at once (FULLY_CONNECTED) stays joined: an
integer product has one scale for its input.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers, prune, replace_uses
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.slicing import read

#: Columns [start, stop) along an axis.
Columns = tuple[int, int, int]


def go_round_joins(model: Model) -> bool:
    """Lets slices of joins read what was joined, in place; returns whether there were any."""
    changed = sum(_rewrite(model, subgraph) for subgraph in model.subgraphs)
    if changed:
        prune(model)
    return bool(changed)


def _rewrite(model: Model, subgraph: Subgraph) -> int:
    writers, ops, count = producers(subgraph), list[Op](), 0
    for op in subgraph.ops:
        columns = _columns(op) if op.code == "STRIDED_SLICE" else None
        source, old = op.inputs[0], op.outputs[0]
        build = Builder(old.name)
        found = source and columns and _read(build, writers, source, columns)
        if not found:
            ops.append(op)
            continue
        count += 1
        if build.ops and build.ops[-1].outputs[0] is found:
            build.ops[-1].outputs[0] = old
        else:
            replace_uses(model, subgraph, old, found)
        ops += build.ops
    subgraph.ops = ops
    return count


def _columns(op: Op) -> Columns | None:
    """The one axis that a STRIDED_SLICE takes a part of, and the part; None for any other slice."""
    taken, shape = read(op), op.inputs[0].shape if op.inputs[0] is not None else None
    if taken is None or shape is None:
        return None
    parts: list[Columns] = []
    for axis, (each, length) in enumerate(zip(taken, shape, strict=True)):
        if each.is_whole(length):
            continue
        stop = length if each.stop is None else each.stop
        if each.drops or each.stride != 1 or each.start < 0 or stop < 0 or length == OPEN:
            return None
        parts.append((axis, each.start, min(stop, length)))
    return parts[0] if len(parts) == 1 else None


def _read(
    build: Builder, writers: dict[Tensor, Op], tensor: Tensor, columns: Columns
) -> Tensor | None:
    """Columns of a tensor without the join that they are part of; None where there is no join.

    Appends the ops that this takes.
    """
    op, axis = writers.get(tensor), columns[0]
    if op is None or op.inputs[0] is None or tensor.dtype != "FLOAT32" or tensor.shape is None:
        return None
    if op.code == "CONCATENATION":
        return _of_operands(build, writers, op, columns)
    if op.code not in ("TRANSPOSE", "REVERSE_V2") or op.inputs[1] is None:
        return None
    if op.inputs[1].array is None:
        return None
    order = [int(k) % len(tensor.shape) for k in op.inputs[1].array.tolist()]
    if op.code == "TRANSPOSE":
        found = _read(build, writers, op.inputs[0], (order[axis], *columns[1:]))
        return found and _transposed(build, writers, found, order)
    if axis in order:
        return None
    found = _read(build, writers, op.inputs[0], columns)
    return found and build.op("REVERSE_V2", [found, op.inputs[1]], found.dtype, found.shape)


def _transposed(
    build: Builder, writers: dict[Tensor, Op], tensor: Tensor, order: list[int]
) -> Tensor:
    """A TRANSPOSE; two that cancel are none."""
    op = writers.get(tensor)
    if op is not None and op.code == "TRANSPOSE" and op.inputs[0] is not None:
        before = op.inputs[1].array if op.inputs[1] is not None else None
        if before is not None and [int(before[k]) for k in order] == list(range(len(order))):
            return op.inputs[0]
    return build.transpose(tensor, order)


def _of_operands(
    build: Builder, writers: dict[Tensor, Op], op: Op, columns: Columns
) -> Tensor | None:
    """The operands of a CONCATENATION that hold some of its columns, or their part of them."""
    axis, start, stop = columns
    rank = len(op.outputs[0].shape or ())
    plain = op.options["fused_activation_function"] == "NONE"
    if op.options["axis"] % rank != axis or not plain:
        return None
    place, parts = 0, list[Tensor]()
    for operand in op.inputs:
        length = operand.shape[axis] if operand is not None and operand.shape else OPEN
        if operand is None or length == OPEN or operand.is_variable:
            return None
        first, last = max(start - place, 0), min(stop - place, length)
        place += length
        if first < last:
            parts.append(_part(build, writers, operand, (axis, first, last)))
    return parts[0] if len(parts) == 1 else build.concatenate(parts, axis)


def _part(build: Builder, writers: dict[Tensor, Op], tensor: Tensor, columns: Columns) -> Tensor:
    axis, start, stop = columns
    shape = list(tensor.shape or ())
    if stop - start == shape[axis]:
        return tensor
    if found := _read(build, writers, tensor, columns):
        return found
    return build.part(tensor, axis, start, stop)
