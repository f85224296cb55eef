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
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.recognise import arithmetic, shapes, tensor_writes
from rnnlite_pipeline.recognise.readable import Unreadable, linear
from rnnlite_pipeline.recognise.values import (
    Const,
    TensorList,
    Unknown,
    Value,
)

Rule = Callable[[Op, Many[Value]], tuple[Value, ...]]


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
    except Unreadable as problem:
        return (Unknown(str(problem)),) * len(op.outputs)
    if result is None:
        return (Unknown(f"the op {op.code} in its step is not part of a known cell"),) * len(
            op.outputs
        )
    return result


def _written(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    target, index, _ = values
    item = op.inputs[2]
    if not isinstance(target, TensorList) or item is None:
        raise Unreadable("it writes to a list in a way that is not read")
    writes = (*target.writes, (linear(index), item))
    return (TensorList(target.variable, writes, grows(op)),)


def _same(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    return (values[0],)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(arithmetic.UNARY | arithmetic.ELEMENTWISE, arithmetic.applied),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), arithmetic.binary),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), arithmetic.clamped),
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
    "PACK": shapes.packed,
    "TRANSPOSE": shapes.transposed,
    "GATHER": shapes.gathered,
    "STRIDED_SLICE": shapes.sliced,
    "SLICE": shapes.cut,
    "DYNAMIC_UPDATE_SLICE": tensor_writes.updated,
    "FlexTensorListSetItem": _written,
    "ZEROS_LIKE": shapes.zeros,
    "SHAPE": shapes.measured,
    **dict.fromkeys(("FILL", "BROADCAST_TO"), shapes.filled),
    "CAST": _same,
}
