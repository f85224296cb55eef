"""Where the size of a dimension comes from: one rule an op, from its output back to an input."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

#: One place that says how large a dimension is.
Source = tuple[Tensor, int]


#: Ops whose outputs have the shape of input 0.
_SHAPE_OF_FIRST = """
    ABS CAST CEIL COS CUMSUM DEQUANTIZE DYNAMIC_UPDATE_SLICE ELU EXP FAKE_QUANT FLOOR GELU
    HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG LOGICAL_NOT LOGISTIC LOG_SOFTMAX NEG QUANTIZE
    RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 REVERSE_SEQUENCE REVERSE_V2 ROUND RSQRT SIGN SIN
    SOFTMAX SQRT SQUARE TANH WHILE ZEROS_LIKE
"""


SHAPE_OF_FIRST = frozenset(_SHAPE_OF_FIRST.split())


#: Ops whose output is the broadcast of all inputs.
_BROADCAST = """
    ADD ADD_N DIV EQUAL FLOOR_DIV FLOOR_MOD GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND
    LOGICAL_OR MAXIMUM MINIMUM MUL NOT_EQUAL POW PRELU SELECT_V2 SQUARED_DIFFERENCE SUB
"""


BROADCAST = frozenset(_BROADCAST.split())


def sources(op: Op, output: int, axis: int) -> list[Source] | None:
    """What the size of an op's output along `axis` is broadcast from; None if not known."""
    inputs = [t for t in op.inputs if t is not None]
    if op.code in BROADCAST:
        return _aligned(inputs, axis, len(op.outputs[output].shape or ()))
    if op.code in SHAPE_OF_FIRST:
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


def _strided_slice(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    options, value, strides = op.options, inputs[0], _integers(inputs[3])
    if value.shape is None or options["ellipsis_mask"] or options["new_axis_mask"]:
        return None
    kept = [a for a in range(len(value.shape)) if not options["shrink_axis_mask"] >> a & 1]
    source, whole = kept[axis], options["begin_mask"] & options["end_mask"]
    given = (inputs[1].shape or (OPEN,))[0]
    if given <= source and given != OPEN:
        return [(value, source)]
    return [(value, source)] if whole >> source & 1 and strides and strides[source] == 1 else None


def _transpose(_op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    order = _integers(inputs[1])
    return None if order is None else [(inputs[0], order[axis])]


def _expand_dims(op: Op, inputs: list[Tensor], axis: int) -> list[Source] | None:
    where = _integers(inputs[1])
    if where is None:
        return None
    new = where[0] % len(op.outputs[0].shape or (0,))
    return [(inputs[0], axis - (axis > new))]


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
    kept = [a for a in range(rank) if op.options["keep_dims"] or a not in gone]
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
    **{
        f"{direction}DIRECTIONAL_SEQUENCE_{kind}": _sequence
        for direction in ("UNI", "BI")
        for kind in ("LSTM", "RNN")
    },
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"), _batch),
    "BATCH_MATMUL": _batch_matmul,
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "SELECT": _select,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    **{f"REDUCE_{kind}": _reduce for kind in ("ALL", "ANY", "MAX", "MIN", "PROD")},
    "MEAN": _reduce,
    "SUM": _reduce,
    "FlexTensorListFromTensor": _stacked,
    "FlexTensorListGetItem": _item,
    "FlexTensorListSetItem": _written,
    "FlexTensorListStack": _stacked,
}
