"""TensorLists to tensors: every loop runs with builtin ops only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import prune, replace_uses
from rnnlite_pipeline.graph.flex import grows
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.run_time_shapes import Dimension, Frames, RunTimeShapes
from rnnlite_pipeline.passes.tensor_list_groups import (
    ARITY,
    FROM_TENSOR,
    GET,
    LENGTH,
    RESERVE,
    SET,
    STACK,
    TensorList,
    operand,
    tensor_lists,
)


def tensor_lists_to_tensors(model: Model, why_not: list[str] | None = None) -> bool:
    """Replaces the TensorLists of TensorFlow's loops by plain tensors; returns whether any was.

    1. A list of N items becomes a tensor [N, *item]; loops and branches carry it as such.
    2. TensorListReserve becomes FILL with zeros (what TensorFlow reads from an item never
       set). Open item dimensions come from what is written into the list, `RunTimeShapes`.
       A Reserve that several loops share is one list for each.
    3. SetItem becomes DYNAMIC_UPDATE_SLICE, behind a CONCATENATION with zeros if it may grow
       the list; GetItem becomes GATHER, of an item's shape; Length the first dimension;
       FromTensor and Stack are the tensor itself.
    4. A list that is touched by anything else, or whose item shape is not to be had, stays.

    Args:
        model: Changed in place.
        why_not: Gets one sentence for each list that stays.
    """
    _one_reserve_a_use(model)
    changed = False
    while _convert_one(model):
        changed = True
    if why_not is not None:
        unknown = "The item shape of the list {!r} is not known before its loop."
        left = tensor_lists(model)
        why_not += [x.why_not or unknown.format(x.tensors[0].name) for x in left]
    if changed:
        prune(model)
    return changed


def _convert_one(model: Model) -> bool:
    """Converts the first list that can be; one converted list may help the next."""
    for lists in tensor_lists(model):
        if not lists.why_not:
            reserves = [(s, op) for s, op in lists.ops if op.code == RESERVE]
            zeros = {op: _zeros(model, lists, s, op) for s, op in reserves}
            if None not in zeros.values():
                _convert(model, lists, {op: ops for op, ops in zeros.items() if ops})
                return True
    return False


def _one_reserve_a_use(model: Model) -> None:
    for subgraph in model.subgraphs:
        for op in [o for o in subgraph.ops if o.code == RESERVE]:
            uses = list(_uses(subgraph, op.outputs[0]))
            for count, (user, index) in enumerate(uses[1:], start=1):
                out = op.outputs[0]
                copy = Tensor(f"{out.name}_{count}", out.dtype, out.shape, extra=dict(out.extra))
                again = Op(op.code, list(op.inputs), [copy], custom=True)
                again.custom_options = op.custom_options
                subgraph.ops.insert(subgraph.ops.index(op), again)
                user.inputs[index] = copy


def _uses(subgraph: Subgraph, tensor: Tensor) -> Iterator[tuple[Op, int]]:
    for op in subgraph.ops:
        for index, value in enumerate(op.inputs):
            if value is tensor:
                yield op, index


def _zeros(model: Model, lists: TensorList, subgraph: Subgraph, reserve: Op) -> list[Op] | None:
    """The ops that make a Reserve's tensor of zeros; None if its shape is not to be had."""
    out, length = reserve.outputs[0], operand(reserve, 1)
    builder = Builder(out.name)
    shapes = RunTimeShapes(model, builder)
    dims: list[Dimension] = [
        builder.expand_dims(length, 0) if length.array is None else int(length.array)
    ]
    for axis, size in enumerate(lists.item or ()):
        found: Dimension | None = size
        if size == OPEN:
            written = _written(subgraph, out, ())
            sizes = (shapes.dimension(item, axis, frames) for item, frames in written)
            found = next((s for s in sizes if s is not None), None)
        if found is None:
            return None
        dims.append(found)
    parts = [builder.indices([d]) if isinstance(d, int) else d for d in dims]
    constant = all(isinstance(d, int) for d in dims)
    whole = builder.indices([d for d in dims if isinstance(d, int)])
    zero = builder.constant("zero", np.zeros((), NUMPY[lists.dtype]))
    shape = whole if constant else builder.concatenate(parts, 0)
    builder.fill(shape, zero, [lists.length, *(lists.item or ())])
    builder.ops[-1].outputs = [out]
    return builder.ops


def _written(subgraph: Subgraph, tensor: Tensor, frames: Frames) -> Iterator[tuple[Tensor, Frames]]:
    """The items written into the list `tensor`, nearest first, each with where it stands."""
    for op, index in _uses(subgraph, tensor):
        if op.code == SET:
            yield operand(op, 2), frames
            yield from _written(subgraph, op.outputs[0], frames)
        elif op.code == "WHILE":
            body = op.options["body_subgraph"]
            yield from _written(body, body.inputs[index], (*frames, (op, body)))
            yield from _written(subgraph, op.outputs[index], frames)
        elif op.code == "IF":
            for branch in called(op):
                yield from _written(branch, branch.inputs[index - 1], (*frames, (op, branch)))


def _convert(model: Model, lists: TensorList, zeros: dict[Op, list[Op]]) -> None:
    item = lists.item or ()
    for tensor in lists.tensors:
        tensor.dtype, tensor.shape = lists.dtype, (lists.length, *item)
        tensor.extra = {}
    for subgraph, op in lists.ops:
        if op.code == RESERVE:
            user = next((u for u, _ in _uses(subgraph, op.outputs[0])), None)
            at = len(subgraph.ops) if user is None else subgraph.ops.index(user)
            subgraph.ops[at:at] = zeros[op]
            subgraph.ops.remove(op)
        elif op.code in ARITY:
            at = subgraph.ops.index(op)
            subgraph.ops[at : at + 1] = _on_tensors(model, subgraph, op)


def _on_tensors(model: Model, subgraph: Subgraph, op: Op) -> list[Op]:
    """The ops that do on a tensor [N, *item] what `op` does on a list."""
    source, out = operand(op, 0), op.outputs[0]
    builder = Builder(out.name)
    if op.code in (STACK, FROM_TENSOR):
        replace_uses(model, subgraph, out, source)
        return []
    if op.code == LENGTH:
        builder.reshape(builder.dimension(source, 0), [])
    elif op.code == GET:
        builder.gather(source, operand(op, 1))
    elif op.code == SET:
        _set(builder, source, operand(op, 1), operand(op, 2), grows(op))
    if out.shape is None:  # loops of TensorFlow 1 do not say the shape of an item that is read
        out.shape = builder.ops[-1].outputs[0].shape
    builder.ops[-1].outputs = [out]
    return builder.ops


def _set(builder: Builder, source: Tensor, index: Tensor, item: Tensor, may_grow: bool) -> Tensor:
    """`source` with `item` at `index`."""
    if may_grow:
        source = _grown(builder, source, index)
    start = builder.expand_dims(index, 0)
    if others := len(source.shape or ()) - 1:
        start = builder.concatenate([start, builder.indices([0] * others)], 0)
    return builder.update(source, builder.expand_dims(item, 0), start)


def _grown(builder: Builder, source: Tensor, index: Tensor) -> Tensor:
    """`source` with zeros behind it, so that it has an item `index`."""
    missing = builder.binary("SUB", builder.expand_dims(index, 0), builder.dimension(source, 0))
    added = builder.binary("ADD", missing, builder.indices([1]))
    rows = builder.binary("MAXIMUM", added, builder.indices([0]))
    shape = source.shape or ()
    sizes = [builder.dimension(source, axis) for axis in range(1, len(shape))]
    zero = builder.constant("zero", np.zeros((), NUMPY[source.dtype]))
    dims = builder.concatenate([rows, *sizes], 0)
    padding = builder.fill(dims, zero, (OPEN, *shape[1:]))
    return builder.concatenate([source, padding], 0)
