"""Slices of joined tensors read what was joined: integers of one join have one scale.

An integer CONCATENATION has one scale for all of its operands. A mask of 0 and 1 that is joined
with features from -400 to 400 rounds to 0 in it, and small features beside large ones to a few
steps. Where the join is parted again, it is gone round, before anything is measured:

1. A STRIDED_SLICE of some columns of a CONCATENATION along them reads the operands that hold them.
2. TRANSPOSE, and REVERSE_V2 along other axes, may stand between the two; what is read is turned
   in the same way.
3. A join of which nothing else is read is removed.

What several columns of a join are multiplied with at once (FULLY_CONNECTED) stays joined: an
integer product has one scale for its input.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers, prune, replace_uses
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor

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
    x, *operands = op.inputs
    shape = x.shape if x is not None else None
    bounds = [None if t is None or t.array is None else t.array.tolist() for t in operands]
    masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    if shape is None or any(op.options.get(mask) for mask in masks):
        return None
    begin, end, strides = bounds
    if begin is None or end is None or strides is None:
        return None
    parts: list[Columns] = []
    for axis, length in enumerate(shape[: len(begin)]):
        start = 0 if op.options["begin_mask"] >> axis & 1 else begin[axis]
        whole = bool(op.options["end_mask"] >> axis & 1)
        stop = length if whole else end[axis]
        if strides[axis] != 1 or start < 0 or (stop < 0 and not whole):
            return None
        if start == 0 and (whole or OPEN < length <= stop):
            continue
        if length == OPEN:
            return None
        parts.append((axis, start, min(stop, length)))
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
        if operand is None or length == OPEN:
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
    shape[axis] = stop - start
    others = (1 << len(shape)) - 1 & ~(1 << axis)
    ends = ([n * (k == axis) for k in range(len(shape))] for n in (start, stop))
    operands = [tensor, *map(build.indices, ends), build.indices([1] * len(shape))]
    return build.op(
        "STRIDED_SLICE", operands, tensor.dtype, shape, begin_mask=others, end_mask=others
    )
