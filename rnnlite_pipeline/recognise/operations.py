"""What each TFLite op does to symbolic values: the reading of a loop body, op by op.

A rule takes the op and the values of its inputs and gives a value for each output. What has no
rule, or a use outside a rule, is `Unknown` with a reason; it spreads to what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.recognise import algebra
from rnnlite_pipeline.recognise.algebra import Form
from rnnlite_pipeline.recognise.extents import Linear
from rnnlite_pipeline.recognise.values import (
    Bound,
    Const,
    Index,
    Indices,
    PerRow,
    Rows,
    Sequence,
    TensorList,
    Unknown,
    Value,
)

#: What the symbols of counters begin with.
COUNTER = "v"

Rule = Callable[[Op, Many[Value]], tuple[Value, ...]]

UNARY = frozenset(
    [
        "LOGISTIC",
        "TANH",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RELU_0_TO_1",
        "ELU",
        "LEAKY_RELU",
        "GELU",
        "HARD_SWISH",
        "EXP",
        "LOG",
        "SQRT",
        "RSQRT",
        "ABS",
        "SIN",
        "COS",
        "SIGN",
        "FLOOR",
        "CEIL",
        "ROUND",
        "SOFTMAX",
        "L2_NORMALIZATION",
        "LOGICAL_NOT",
    ]
)
ELEMENTWISE = frozenset(
    [
        "MAXIMUM",
        "MINIMUM",
        "POW",
        "FLOOR_DIV",
        "SQUARED_DIFFERENCE",
        "EQUAL",
        "NOT_EQUAL",
        "GREATER",
        "GREATER_EQUAL",
        "LESS_EQUAL",
        "LOGICAL_OR",
    ]
)
_NUMPY: dict[str, Callable[..., NDArray[Any]]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "NEG": np.negative,
    "TANH": np.tanh,
    "EXP": np.exp,
    "RELU": lambda z: np.maximum(z, 0),
}
_ACTIVATION_OPS = {"RELU": "RELU", "RELU6": "RELU6", "RELU_N1_TO_1": "RELU_N1_TO_1", "TANH": "TANH"}


def read(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """The values of an op's outputs, given those of its inputs."""
    for value in values:
        if isinstance(value, Unknown):
            return (value,) * len(op.outputs)
    is_plain = op.options.get("fused_activation_function", "NONE") == "NONE"
    if op.code in _NUMPY and is_plain and all(isinstance(v, Const) for v in values):
        arrays = [v.array for v in values if isinstance(v, Const)]
        return (Const(_NUMPY[op.code](*arrays)),)
    rule = _RULES.get(op.code)
    try:
        result = rule(op, values) if rule else None
    except _Unreadable as problem:
        return (Unknown(str(problem)),) * len(op.outputs)
    if result is None:
        return (Unknown(f"the op {op.code} in its step is not part of a known cell"),) * len(
            op.outputs
        )
    return result


class _Unreadable(Exception):
    """A rule met something outside what it knows."""


def rows(value: Value) -> Form:
    """The value as a form; a constant row is one."""
    if isinstance(value, Rows):
        return value.form
    if isinstance(value, Index):
        return _counted(value.linear)
    if isinstance(value, Const) and value.array.size == (value.array.shape or (1,))[-1]:
        return algebra.constant(value.array)
    raise _Unreadable("its step mixes a value that is not one row for each batch entry")


def _counted(linear: Linear) -> Form:
    """A counter as a row of width 1, its symbols the loop's counters."""
    total = algebra.constant(np.array([linear.constant]))
    for name, factor in sorted(linear.factors):
        if not name.startswith(COUNTER):
            raise _Unreadable("its step computes with a length known only at run time")
        total = total + algebra.symbol(name, 1).scaled(np.array([float(factor)]))
    return total


def _per_row(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A function of one number for each batch entry, of counters and of single constants."""
    forms = [v.form if isinstance(v, PerRow) else rows(v) for v in values]
    if any(f.width != 1 or isinstance(v, Rows) for f, v in zip(forms, values, strict=True)):
        raise _Unreadable("its step mixes one number for each batch entry with rows")
    return (PerRow(algebra.apply(op.code, *forms)),)


def _selected(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """SELECT takes whole rows by a condition of one truth value for each; SELECT_V2 broadcasts."""
    condition, *branches = values
    if isinstance(condition, PerRow):
        if op.code != "SELECT" or any(isinstance(v, PerRow) for v in branches):
            return _per_row(op, values)
        return (Rows(algebra.apply("SELECT_V2", condition.form, *map(rows, branches))),)
    mask, yes, no = map(rows, values)
    if mask.is_constant and len(set(np.sign(np.abs(mask.bias)))) == 1:
        return (Rows(yes if mask.bias.any() else no),)
    return (Rows(algebra.apply("SELECT_V2", mask, yes, no)),)


def _linear(value: Value) -> Linear:
    if isinstance(value, Index):
        return value.linear
    if isinstance(value, Const) and value.array.size == 1 and value.array.dtype.kind in "iu":
        return Linear(int(value.array.reshape(-1)[0]))
    raise _Unreadable("its step computes an index that is not linear in the step's number")


def _binary(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    a, b = values
    if isinstance(a, Index) or isinstance(b, Index):
        return (Index(_integer(op.code, _linear(a), _linear(b))),)
    x, y = rows(a), rows(b)
    if op.code == "ADD":
        z = x + y
    elif op.code == "SUB":
        z = x - y
    elif op.code == "MUL":
        z = x * y
    elif y.is_constant:
        z = x.scaled(1.0 / y.bias)
    else:
        z = algebra.apply("DIV", x, y)
    return (Rows(_activated(op, z)),)


def _integer(code: str, a: Linear, b: Linear) -> Linear:
    if code == "ADD":
        return a + b
    if code == "SUB":
        return a - b
    if code == "MUL" and (a.is_constant or b.is_constant):
        return a * b.constant if b.is_constant else b * a.constant
    raise _Unreadable("its step computes an index that is not linear in the step's number")


def _activated(op: Op, value: Form) -> Form:
    name = op.options.get("fused_activation_function", "NONE")
    if name == "NONE":
        return value
    if name not in _ACTIVATION_OPS:
        raise _Unreadable(f"the fused activation {name} in its step is not part of a known cell")
    return algebra.apply(_ACTIVATION_OPS[name], value)


def _negated(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    return (Rows(rows(values[0]).scaled(np.array([-1.0]))),)


def _squared(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    return (Rows(rows(values[0]) * rows(values[0])),)


def _applied(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    if any(isinstance(v, PerRow) for v in values):
        return _per_row(op, values)
    slope = op.options.get("alpha") if op.code == "LEAKY_RELU" else None
    return (Rows(algebra.apply(op.code, *(rows(v) for v in values), parameter=slope)),)


def _less(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    if not all(isinstance(v, Index | Const) for v in values):
        return _applied(op, values)
    a, b = (_linear(v) for v in values)
    one = Linear(1)
    limit = {
        "LESS": (a, b),
        "LESS_EQUAL": (a, b + one),
        "GREATER": (b, a),
        "GREATER_EQUAL": (b, a + one),
    }[op.code]
    return (Bound((limit,)),)


def _all_hold(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    if not all(isinstance(v, Bound) for v in values):
        return _applied(op, values)
    return (Bound(tuple(limit for v in values if isinstance(v, Bound) for limit in v.limits)),)


def _product(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    x, weights = values[0], values[1]
    if not isinstance(weights, Const) or weights.array.ndim != 2:
        raise _Unreadable("its step multiplies by a matrix that is not constant")
    matrix = weights.array.astype(np.float64)
    if op.code == "FULLY_CONNECTED" or op.options.get("adj_y"):
        matrix = matrix.T
    if op.options.get("adj_x"):
        raise _Unreadable("its step multiplies by a transposed state")
    z = rows(x) @ matrix
    if len(values) > 2:
        z = z + rows(values[2])
    return (Rows(_activated(op, z)),)


def _joined(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    axis, rank = op.options["axis"], len(op.outputs[0].shape or ())
    if all(isinstance(v, Const) for v in values):
        return (Const(np.concatenate([v.array for v in values if isinstance(v, Const)], axis)),)
    if axis % rank != rank - 1:
        raise _Unreadable("its step joins values along another axis than the features")
    return (Rows(_activated(op, algebra.concatenated([rows(v) for v in values]))),)


def _packed(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    return (Indices(tuple(_linear(v) for v in values)),)


def _split(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    axis_value, value = (values[0], values[1]) if op.code == "SPLIT" else (values[2], values[0])
    axis = _linear(axis_value).constant
    rank = len(op.outputs[0].shape or ())
    widths = [(t.shape or ())[axis % rank] for t in op.outputs]
    ends = np.cumsum(widths)
    if isinstance(value, Const):
        return tuple(Const(part) for part in np.split(value.array, ends[:-1], axis))
    if axis % rank != rank - 1:
        raise _Unreadable("its step splits a value along another axis than the features")
    form = rows(value)
    return tuple(Rows(form.columns(int(e) - w, int(e))) for e, w in zip(ends, widths, strict=True))


def _reshaped(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    value, shape = values[0], op.outputs[0].shape
    if isinstance(value, Const) and shape is not None and OPEN not in shape:
        return (Const(value.array.reshape(shape)),)
    if isinstance(value, Index):
        return (value,)
    if isinstance(value, PerRow) and shape is not None and shape[-1] == 1 and len(shape) == 2:
        return (Rows(value.form),)
    form = rows(value)
    others = [d for d in (shape or ())[:-1] if d != 1]
    if shape is None or shape[-1] != form.width or len(others) > 1:
        raise _Unreadable("its step reshapes a value across batch and features")
    return (Rows(form),)


def _transposed(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    value, order = values
    if isinstance(value, Const) and isinstance(order, Const):
        return (Const(value.array.transpose(order.array)),)
    raise _Unreadable("its step transposes a value")


def _gathered(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    sequence, index = values
    if isinstance(sequence, Sequence):
        step = _linear(index)
        return (_step(sequence, op.options.get("axis", 0), step, op.outputs[0]),)
    raise _Unreadable("its step looks values up in a table")


def _sliced(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    value = values[0]
    if isinstance(value, Sequence):
        return (_sliced_step(op, values, value),)
    places = [v.array for v in values[1:4] if isinstance(v, Const)]
    source, options = op.inputs[0], op.options
    shape = (source.shape if source else None) or ()
    unread = ("ellipsis_mask", "new_axis_mask", "offset")
    if len(places) != 3 or not shape or any(options.get(name) for name in unread):
        raise _Unreadable("its step slices a value in a way that is not read")
    begin, end, stride = places
    if np.any(stride != 1) or options.get("shrink_axis_mask"):
        raise _Unreadable("its step takes every other feature, or one alone")
    last = len(shape) - 1
    for axis in range(min(last, len(begin))):
        if not _is_whole(shape[axis], axis, int(begin[axis]), int(end[axis]), options):
            raise _Unreadable("its step slices a value along the batch")
    if len(begin) <= last:
        return (value,)
    width = rows(value).width if not isinstance(value, Const) else value.array.shape[-1]
    start = 0 if options.get("begin_mask", 0) >> last & 1 else int(begin[-1])
    stop = width if options.get("end_mask", 0) >> last & 1 else int(end[-1])
    start, stop, _ = slice(start, stop).indices(width)
    if isinstance(value, Const):
        return (Const(value.array[..., start:stop]),)
    return (Rows(rows(value).columns(start, stop)),)


def _is_whole(length: int, axis: int, begin: int, end: int, options: dict[str, Any]) -> bool:
    """Whether a slice of stride 1 takes all of an axis."""
    from_start = options.get("begin_mask", 0) >> axis & 1 or begin == 0
    to_end = options.get("end_mask", 0) >> axis & 1 or (length != OPEN and end >= length)
    return bool(from_start and to_end)


def _sliced_step(op: Op, values: Many[Value], sequence: Sequence) -> Value:
    """One step of a sequence, taken by a slice that shrinks the axis of time."""
    begin = values[1]
    starts = begin.items if isinstance(begin, Indices) else ()
    if isinstance(begin, Const):
        starts = tuple(Linear(int(b)) for b in begin.array)
    shrunk = op.options.get("shrink_axis_mask", 0)
    axes = [a for a in range(len(starts)) if shrunk >> a & 1]
    if len(axes) != 1 or op.options.get("ellipsis_mask") or op.options.get("new_axis_mask"):
        raise _Unreadable("its step slices a sequence in a way that is not read")
    full = op.options.get("begin_mask", 0) & op.options.get("end_mask", 0)
    if any(not full >> a & 1 for a in range(len(starts)) if a != axes[0]):
        raise _Unreadable("its step reads a part of the sequence's features")
    return _step(sequence, axes[0], starts[axes[0]], op.outputs[0])


def _step(sequence: Sequence, axis: int, index: Linear, output: Tensor) -> Value:
    shape = sequence.tensor.shape or ()
    width = (output.shape or (OPEN,))[-1]
    if len(shape) != 3 or axis not in (0, 1) or width == OPEN:
        raise _Unreadable(
            f"it reads steps of a tensor of rank {len(shape)}, not [batch, time, features]"
        )
    name = step_name(sequence.variable, axis, index)
    return Rows(algebra.symbol(name, width))


def step_name(variable: int, axis: int, index: Linear) -> str:
    """The name of the symbol for one step of the sequence in a loop variable."""
    factors = ",".join(f"{n}*{f}" for n, f in sorted(index.factors))
    return f"x{variable}|{axis}|{index.constant}|{factors}"


def _written(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    target, index, _ = values
    item = op.inputs[2]
    if not isinstance(target, TensorList) or item is None:
        raise _Unreadable("it writes to a list in a way that is not read")
    return (TensorList(target.variable, (*target.writes, (_linear(index), item))),)


def _reduced(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    axes, source = values[1], op.inputs[0]
    rank = len((source.shape if source else None) or ())
    if not isinstance(axes, Const) or [int(a) % rank for a in axes.array.reshape(-1)] != [rank - 1]:
        raise _Unreadable("its step sums over the batch")
    if not op.options.get("keep_dims"):
        raise _Unreadable("its step drops the axis of features")
    return (Rows(algebra.apply(op.code, rows(values[0]))),)


def _filled(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    width = (op.outputs[0].shape or (OPEN,))[-1]
    value = values[1]
    if width == OPEN or not isinstance(value, Const):
        raise _Unreadable("its step makes a value of unknown width")
    return (Rows(algebra.constant(np.full(width, float(value.array.reshape(-1)[0])))),)


def _zeros(op: Op, _values: Many[Value]) -> tuple[Value, ...]:
    width = (op.outputs[0].shape or (OPEN,))[-1]
    if width == OPEN:
        raise _Unreadable("its step makes a value of unknown width")
    return (Rows(algebra.constant(np.zeros(width))),)


def _same(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    return (values[0],)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY | ELEMENTWISE, _applied),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), _binary),
    **dict.fromkeys(("SELECT", "SELECT_V2"), _selected),
    **dict.fromkeys(("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"), _less),
    **dict.fromkeys(("FULLY_CONNECTED", "BATCH_MATMUL"), _product),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), _split),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _reshaped),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), _reduced),
    "NEG": _negated,
    "SQUARE": _squared,
    "LOGICAL_AND": _all_hold,
    "CONCATENATION": _joined,
    "PACK": _packed,
    "TRANSPOSE": _transposed,
    "GATHER": _gathered,
    "STRIDED_SLICE": _sliced,
    "FlexTensorListSetItem": _written,
    "ZEROS_LIKE": _zeros,
    "FILL": _filled,
    "CAST": _same,
}
