"""The run-time shape of a value inside a loop, taken before the loop is run.

A tensor that a loop fills needs its shape when it is allocated, outside; the items are computed
inside. `RunTimeShapes` walks from an item to the loop's operands, as far as the size of a
dimension provably follows from an op's inputs, and takes SHAPE there. Where an op's shape rule
is not known, the ops that lead to the value are copied in front of the loop, fed with the
operands, only to take the SHAPE of the copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import has_side_effects, producers
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor

#: The ops (outermost first) in whose subgraphs a value stands, each with the subgraph.
Frames = tuple[tuple[Op, Subgraph], ...]

#: A dimension: known now, or an int32 [1] tensor computed before the loop.
Dimension = int | Tensor

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


class RunTimeShapes:
    """Computes dimensions with ops that are appended to `builder`.

    Args:
        model: The graph; nothing of it is changed.
        builder: Its ops are to stand where the outermost frame's op stands.
    """

    def __init__(self, model: Model, builder: Builder) -> None:
        self._builder = builder
        self._producers = {t: op for s in model.subgraphs for t, op in producers(s).items()}
        self._known: dict[tuple[Tensor, int, Frames], Dimension | None] = {}
        self._copies: dict[tuple[Tensor, Frames], Tensor | None] = {}

    def dimension(self, tensor: Tensor, axis: int, frames: Frames) -> Dimension | None:
        """The size of `tensor` along `axis` in the first iteration, or None if not to be had.

        A TensorList counts as the tensor of its items, stacked along axis 0.
        """
        key = (tensor, axis, frames)
        if key not in self._known:
            self._known[key] = self._dimension(tensor, axis, frames)
        return self._known[key]

    def _dimension(self, tensor: Tensor, axis: int, frames: Frames) -> Dimension | None:
        is_list = tensor.dtype == "VARIANT"
        if not is_list:
            if tensor.shape is None:
                return None
            if tensor.shape[axis] != OPEN:
                return tensor.shape[axis]
            if not frames:
                return self._builder.dimension(tensor, axis)
        outer = operand(tensor, frames)
        if outer is not None:
            return self.dimension(outer, axis, frames[:-1])
        op = self._producers.get(tensor)
        sources = None if op is None else _sources(op, op.outputs.index(tensor), axis)
        found = None if sources is None else self._combined(sources, frames)
        if found is not None or is_list:
            return found
        copy = self._copy(tensor, frames)
        return None if copy is None else self._builder.dimension(copy, axis)

    def _combined(self, sources: Sequence[Source], frames: Frames) -> Dimension | None:
        """The broadcast of several sizes: each is the result's, or 1."""
        sizes = [self.dimension(tensor, axis, frames) for tensor, axis in sources]
        closed = [size for size in sizes if isinstance(size, int) and size != 1]
        if closed:
            return closed[0]
        if None in sizes:
            return None
        open_sizes = list(dict.fromkeys(s for s in sizes if isinstance(s, Tensor)))
        if not open_sizes:
            return 1
        result = open_sizes[0]
        for other in open_sizes[1:]:
            is_one = self._builder.binary("EQUAL", result, self._builder.indices([1]))
            result = self._builder.op("SELECT_V2", [is_one, other, result], "INT32", [1])
        return result

    def _copy(self, tensor: Tensor, frames: Frames) -> Tensor | None:
        """`tensor` computed in front of the loop from its operands, or None."""
        key = (tensor, frames)
        if key not in self._copies:
            self._copies[key] = self._copied(tensor, frames)
        return self._copies[key]

    def _copied(self, tensor: Tensor, frames: Frames) -> Tensor | None:
        if tensor.dtype == "VARIANT":
            return None
        if tensor.data is not None or not frames:
            return tensor
        outer = operand(tensor, frames)
        if outer is not None:
            return self._copy(outer, frames[:-1])
        op = self._producers.get(tensor)
        if op is None or op.custom or has_side_effects(op):
            return None
        inputs: list[Tensor | None] = []
        for value in op.inputs:
            copy = None if value is None else self._copy(value, frames)
            if value is not None and copy is None:
                return None
            inputs.append(copy)
        outputs = [self._builder.tensor(t.name, t.dtype, t.shape) for t in op.outputs]
        self._builder.ops.append(_like(op, inputs, outputs))
        self._copies |= {(t, frames): c for t, c in zip(op.outputs, outputs, strict=True)}
        return outputs[op.outputs.index(tensor)]


def operand(tensor: Tensor, frames: Frames) -> Tensor | None:
    """What the innermost frame's op feeds to `tensor`, if that is an input of its subgraph."""
    if not frames:
        return None
    op, subgraph = frames[-1]
    if tensor not in subgraph.inputs:
        return None
    return op.inputs[subgraph.inputs.index(tensor) + (op.code == "IF")]


def _like(op: Op, inputs: list[Tensor | None], outputs: list[Tensor]) -> Op:
    return Op(op.code, inputs, outputs, dict(op.options), op.options_type, op.version)


def _sources(op: Op, output: int, axis: int) -> list[Source] | None:
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


_RULES: dict[str, Any] = {
    "BATCH_MATMUL": _batch_matmul,
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "SPLIT": _split,
    "SPLIT_V": _split,
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
