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

from rnnlite_pipeline.graph.flex import grows
from rnnlite_pipeline.graph.ir import NUMPY, Op, Tensor
from rnnlite_pipeline.recognise.symbolic import arithmetic, shapes, slices, tensor_writes
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Index,
    Indices,
    TensorList,
    Unknown,
    Unreadable,
    Value,
    linear,
    whole,
)
from rnnlite_pipeline.shapes.extents import Extents

Rule = Callable[[Op, Many[Value]], tuple[Value, ...]]
Sized = Callable[[Op, Many[Value], Extents], tuple[Value, ...]]


_NUMPY: dict[str, Callable[..., NDArray[Any]]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": lambda a, b: np.trunc(a / b).astype(a.dtype) if a.dtype.kind in "iu" else a / b,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "NEG": np.negative,
    "TANH": np.tanh,
    "EXP": np.exp,
    "RELU": lambda z: np.maximum(z, 0),
}


def read(op: Op, values: Many[Value], extents: Extents) -> tuple[Value, ...]:
    """The values of an op's outputs, given those of its inputs.

    Args:
        op: The op.
        values: Those of the inputs that are there, in order.
        extents: The run-time integers of the graph it stands in.
    """
    known = integers(op.outputs[0], extents) if len(op.outputs) == 1 else None
    if known is not None:
        return (known,)
    for value in values:
        if isinstance(value, Unknown):
            return (value,) * len(op.outputs)
    is_plain = op.options.get("fused_activation_function", "NONE") == "NONE"
    if op.code in _NUMPY and is_plain and all(isinstance(v, Const) for v in values):
        arrays = [v.array for v in values if isinstance(v, Const)]
        return (Const(_NUMPY[op.code](*arrays)),)
    if op.code not in slices.STEPPING:
        values = [whole(value) for value in values]
    rule, sized = _RULES.get(op.code), _SIZED.get(op.code)
    try:
        result = rule(op, values) if rule else sized(op, values, extents) if sized else None
    except Unreadable as problem:
        return (Unknown(str(problem)),) * len(op.outputs)
    if result is None:
        return (Unknown(f"the op {op.code} in its step is not part of a known cell"),) * len(
            op.outputs
        )
    return result


def integers(tensor: Tensor, extents: Extents) -> Value | None:
    """What is known of a computed scalar or vector of integers; None for data."""
    known = extents.integers(tensor)
    if known is None:
        return None
    if all(element.is_constant for element in known):
        array = np.array([element.constant for element in known], NUMPY[tensor.dtype])
        return Const(array if tensor.shape else array.reshape(()))
    return Indices(known) if tensor.shape else Index(known[0])


def _written(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    target, index, _ = values
    item = op.inputs[2]
    if not isinstance(target, TensorList) or item is None:
        raise Unreadable("it writes to a list in a way that is not read")
    writes = (*target.writes, (linear(index), item))
    return (TensorList(target.variable, writes, grows(op)),)


def _drawn(_op: Op, _values: Many[Value]) -> tuple[Value, ...]:
    raise Unreadable("its step draws random numbers, as dropout does that is on")


_RULES: dict[str, Rule] = {
    **dict.fromkeys(arithmetic.UNARY | arithmetic.ELEMENTWISE, arithmetic.applied),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), arithmetic.binary),
    **dict.fromkeys(("SELECT", "SELECT_V2"), arithmetic.selected),
    **dict.fromkeys(("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"), arithmetic.less),
    **dict.fromkeys(("FULLY_CONNECTED", "BATCH_MATMUL"), arithmetic.product),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), shapes.split),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), shapes.reshaped),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), arithmetic.reduced),
    "NEG": arithmetic.negated,
    "SQUARE": arithmetic.squared,
    "LOGICAL_AND": arithmetic.all_hold,
    "CONCATENATION": shapes.joined,
    "TILE": shapes.tiled,
    "TRANSPOSE": shapes.transposed,
    "GATHER": slices.gathered,
    "DYNAMIC_UPDATE_SLICE": tensor_writes.updated,
    "FlexTensorListSetItem": _written,
    "ZEROS_LIKE": shapes.zeros,
    **dict.fromkeys(("FILL", "BROADCAST_TO"), shapes.filled),
    "CAST": shapes.cast,
    "ONE_HOT": shapes.one_hot,
    "RANDOM_UNIFORM": _drawn,
}


#: Rules that need to know how large a value is.
_SIZED: dict[str, Sized] = dict.fromkeys(("SLICE", "STRIDED_SLICE"), slices.sliced)
