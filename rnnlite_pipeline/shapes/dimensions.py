"""Where the size of a dimension comes from: one rule an op, from its output back to an input."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.graph.ops import BROADCAST, RECURRENT, REDUCTIONS, SAME_SHAPE
from rnnlite_pipeline.graph.slicing import source_axis

#: One place that says how large a dimension is.
Source = tuple[Tensor, int]


def sources(op: Op, output: int, axis: int) -> list[Source] | None:
    """What the size of an op's output along `axis` is broadcast from.

    Returns:
        The dimensions that broadcast to it: none of them where the size is 1. None if not known.
    """
    inputs = [t for t in op.inputs if t is not None]
    if op.code in BROADCAST:
        return _aligned(inputs, axis, len(op.outputs[output].shape or ()))
    if op.code in SAME_SHAPE:
        # A loop-carried value keeps its shape from the first iteration on.
        return [(inputs[output if op.code == "WHILE" else 0], axis)]
    rule = _RULES.get(op.code)
    return None if rule is None else rule(op, inputs, axis)


def _aligned(inputs: list[Tensor], axis: int, rank: int) -> list[Source] | None:
    if any(t.shape is None for t in inputs):
        return None
    shifts = [(t, t.shape or (), rank - len(t.shape or ())) for t in inputs]
    return [(t, axis - n) for t, shape, n in shifts if axis >= n and shape[axis - n] != 1]


def _select(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    # Both choices have the output's shape; the condition may be one truth for each row.
    return [(inputs[1], axis)]


def _split(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    where, value = (inputs[0], inputs[1]) if op.code == "SPLIT" else (inputs[2], inputs[0])
    return _untouched(value, _integers(where), axis)


def _concatenation(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    # All parts agree along every other axis; one that is known says enough.
    return _untouched(inputs[0], [op.options["axis"]], axis)


def _untouched(value: Tensor, touched: list[int] | None, axis: int) -> list[Source] | None:
    if value.shape is None or touched is None:
        return None
    return None if axis in [a % len(value.shape) for a in touched] else [(value, axis)]


def _fully_connected(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    rank = len(op.outputs[0].shape or ())
    if axis == rank - 1:
        return [(inputs[1], 0)]
    return [(inputs[0], axis)] if len(inputs[0].shape or ()) == rank else None


def _batch_matmul(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    x, y = inputs
    rank = len(op.outputs[0].shape or ())
    if x.shape is None or y.shape is None:
        return None
    if axis == rank - 2:
        return [(x, len(x.shape) - (1 if op.options["adj_x"] else 2))]
    if axis == rank - 1:
        return [(y, len(y.shape) - (2 if op.options["adj_y"] else 1))]
    return _aligned([x, y], axis, rank)


def _gather(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    value, index = inputs
    if value.shape is None or index.shape is None or op.options["batch_dims"]:
        return None
    where, width = op.options["axis"] % len(value.shape), len(index.shape)
    if axis < where:
        return [(value, axis)]
    return [(index, axis - where)] if axis < where + width else [(value, axis - width + 1)]


def _gather_nd(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    value, places = inputs
    if value.shape is None or not places.shape or places.shape[-1] == OPEN:
        return None
    rows = len(places.shape) - 1
    return [(places, axis) if axis < rows else (value, axis - rows + places.shape[-1])]


def _strided_slice(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    found = source_axis(op, axis, (inputs[1].shape or (OPEN,))[0])
    return [(inputs[0], found[0])] if found is not None and found[1] else None


def _transpose(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    order = _integers(inputs[1])
    return None if order is None else [(inputs[0], order[axis])]


def _expand_dims(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    where = _integers(inputs[1])
    if where is None:
        return None
    new = where[0] % len(op.outputs[0].shape or (0,))
    return [] if axis == new else [(inputs[0], axis - (axis > new))]


def _squeeze(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    value, gone = inputs[0], op.options["squeeze_dims"]
    if value.shape is None or not len(gone):
        return None
    rank = len(value.shape)
    kept = [a for a in range(rank) if a not in {g % rank for g in gone}]
    return [(value, kept[axis])]


def _reduce(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    value, axes = inputs[0], _integers(inputs[1])
    if value.shape is None or axes is None:
        return None
    rank = len(value.shape)
    gone = {a % rank for a in axes}
    if op.options["keep_dims"]:
        return [] if axis in gone else [(value, axis)]
    kept = [a for a in range(rank) if a not in gone]
    return [(value, kept[axis])]


def _item(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    return [(inputs[0], axis + 1)]


def _stacked(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    return [(inputs[0], axis)]


def _written(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    return [(inputs[2], axis - 1)] if axis else [(inputs[0], 0)]


def _integers(tensor: Tensor) -> list[int] | None:
    value = tensor.array
    return None if value is None else [int(v) for v in value.ravel()]


def _sequence(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    return [(inputs[0], axis)] if axis < 2 else None


def _batch(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    return None if axis else [(inputs[0], 0)]


_RULES: dict[str, Any] = {
    **dict.fromkeys(RECURRENT, _sequence),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"), _batch),
    "BATCH_MATMUL": _batch_matmul,
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "SELECT": _select,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    **dict.fromkeys(REDUCTIONS, _reduce),
    "FlexTensorListFromTensor": _stacked,
    "FlexTensorListGetItem": _item,
    "FlexTensorListSetItem": _written,
    "FlexTensorListStack": _stacked,
}
