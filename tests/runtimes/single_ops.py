"""A model of one op for every op that lowerings emit, in every type: what does a runtime take?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import NUMPY, Model, Quantization, Signature, Subgraph, Tensor

#: Elementwise ops of one operand, of two, and comparisons; reductions of the last axis.
UNARY = (
    "TANH",
    "LOGISTIC",
    "RELU",
    "RELU6",
    "RSQRT",
    "SQUARE",
    "SQRT",
    "ABS",
    "NEG",
    "EXP",
    "ZEROS_LIKE",
)
BINARY = ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE", "DIV")
COMPARED = ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL")
LOGICAL = ("LOGICAL_AND", "LOGICAL_OR")
REDUCED = ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_PROD")
MOVED = (
    "CONCATENATION", "DYNAMIC_UPDATE_SLICE", "EXPAND_DIMS", "FILL", "GATHER", "PACK", "RESHAPE",
    "REVERSE_V2", "SELECT_V2", "SHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE",
    "TRANSPOSE", "UNPACK", "BROADCAST_TO", "RANGE", "SELECT", "TILE",
)  # fmt: skip
OTHER = ("QUANTIZE", "DEQUANTIZE", "CAST", "BATCH_MATMUL", "FULLY_CONNECTED")

CODES = (*UNARY, *BINARY, *COMPARED, *LOGICAL, *REDUCED, *MOVED, *OTHER)
TYPES = ("FLOAT32", "INT8", "INT16", "INT32", "INT64", "BOOL")

_SHAPE = (2, 4)

#: The one quantization that an op's output may have.
_SCALES = {
    "LOGISTIC": {"INT8": Quantization((1 / 256,), (-128,)), "INT16": Quantization((2**-15,), (0,))},
    "TANH": {"INT8": Quantization((1 / 128,), (0,)), "INT16": Quantization((2**-15,), (0,))},
}


def single_op_models() -> Iterator[tuple[str, str, Model]]:
    """Each op, the type of its values, and a model of it: x [2, 4] and what the op needs."""
    for code in CODES:
        for dtype in TYPES:
            made = _model(code, dtype)
            if made is not None:
                yield code, dtype, made


def single_op(code: str, dtype: str) -> Model:
    """The model of one op and type."""
    made = _model(code, dtype)
    assert made is not None
    return made


def _values(name: str, dtype: str, shape: tuple[int, ...] = _SHAPE) -> Tensor:
    quantized = Quantization((0.03125,), (0,)) if dtype in ("INT8", "INT16") else None
    return Tensor(name, dtype, shape, quantization=quantized)


def _ints(name: str, values: object) -> Tensor:
    return Tensor.constant(name, np.asarray(values, np.int32))


def _model(code: str, dtype: str) -> Model | None:  # noqa: C901, PLR0912, PLR0915
    x, z = _values("x", dtype), _values("z", dtype)
    inputs, outputs = [x], [_values("y", dtype)]
    options: dict[str, Any] = {}
    operands: list[Tensor] = [x]
    if code in BINARY or code in LOGICAL:
        operands, inputs = [x, z], [x, z]
        if code in LOGICAL and dtype != "BOOL":
            return None
    elif code in COMPARED:
        operands, inputs, outputs = [x, z], [x, z], [Tensor("y", "BOOL", _SHAPE)]
    elif code in REDUCED:
        operands, outputs = [x, _ints("axis", [1])], [_values("y", dtype, (2, 1))]
        options = {"keep_dims": True}
        if (code in ("REDUCE_ALL", "REDUCE_ANY")) != (dtype == "BOOL"):
            return None
    elif code == "CONCATENATION":
        operands, inputs, outputs = [x, z], [x, z], [_values("y", dtype, (2, 8))]
        options = {"axis": 1}
    elif code == "DYNAMIC_UPDATE_SLICE":
        z = _values("z", dtype, (1, 4))
        operands, inputs = [x, z, _ints("start", [1, 0])], [x, z]
    elif code == "EXPAND_DIMS":
        operands, outputs = [x, _ints("axis", [1])], [_values("y", dtype, (2, 1, 4))]
    elif code == "FILL":
        x = _values("x", dtype, ())
        operands, inputs = [_ints("dims", _SHAPE), x], [x]
    elif code == "BROADCAST_TO":
        x = _values("x", dtype, (1, 4))
        operands, inputs = [x, _ints("dims", _SHAPE)], [x]
    elif code == "TILE":
        x = _values("x", dtype, (1, 4))
        operands, inputs = [x, _ints("times", [2, 1])], [x]
    elif code == "GATHER":
        operands, outputs = [x, _ints("rows", [1])], [_values("y", dtype, (1, 4))]
    elif code == "PACK":
        operands, inputs, outputs = [x, z], [x, z], [_values("y", dtype, (2, 2, 4))]
        options = {"values_count": 2, "axis": 0}
    elif code == "UNPACK":
        outputs = [_values(f"y{k}", dtype, (4,)) for k in range(2)]
        options = {"num": 2, "axis": 0}
    elif code == "RESHAPE":
        operands, outputs = [x, _ints("dims", [4, 2])], [_values("y", dtype, (4, 2))]
    elif code == "SQUEEZE":
        x = _values("x", dtype, (2, 1, 4))
        operands, inputs = [x], [x]
        options = {"squeeze_dims": np.asarray([1], np.int32)}
    elif code == "REVERSE_V2":
        operands = [x, _ints("axis", [1])]
    elif code in ("SELECT_V2", "SELECT"):
        mask = Tensor("mask", "BOOL", _SHAPE)
        operands, inputs = [mask, x, z], [mask, x, z]
    elif code == "SHAPE":
        outputs = [Tensor("y", "INT32", (2,))]
        options = {"out_type": 2}
    elif code == "SLICE":
        operands = [x, _ints("begin", [0, 1]), _ints("size", [2, 2])]
        outputs = [_values("y", dtype, (2, 2))]
    elif code == "STRIDED_SLICE":
        operands = [x, _ints("begin", [0, 1]), _ints("end", [2, 3]), _ints("strides", [1, 1])]
        outputs = [_values("y", dtype, (2, 2))]
    elif code == "SPLIT":
        operands = [_ints("axis", 1), x]
        outputs = [_values(f"y{k}", dtype, (2, 2)) for k in range(2)]
        options = {"num_splits": 2}
    elif code == "SPLIT_V":
        operands = [x, _ints("sizes", [1, 3]), _ints("axis", 1)]
        outputs = [_values("y0", dtype, (2, 1)), _values("y1", dtype, (2, 3))]
        options = {"num_splits": 2}
    elif code == "TRANSPOSE":
        operands, outputs = [x, _ints("order", [1, 0])], [_values("y", dtype, (4, 2))]
    elif code == "RANGE":
        if dtype not in ("INT32", "FLOAT32"):
            return None
        one = Tensor.constant("one", np.asarray(1, NUMPY[dtype]))
        x = _values("x", dtype, ())
        operands, inputs, outputs = [one, x, one], [x], [_values("y", dtype, (-1,))]
    elif code == "QUANTIZE":
        outputs = [_values("y", "INT8")]
    elif code == "DEQUANTIZE":
        if dtype not in ("INT8", "INT16"):
            return None
        outputs = [Tensor("y", "FLOAT32", _SHAPE)]
    elif code == "CAST":
        outputs = [Tensor("y", "FLOAT32", _SHAPE)]
    elif code == "BATCH_MATMUL":
        z = _values("z", dtype, (4, 3))
        operands, inputs, outputs = [x, z], [x, z], [_values("y", dtype, (2, 3))]
    elif code == "FULLY_CONNECTED":
        if dtype not in ("FLOAT32", "INT8", "INT16"):
            return None
        weights = "FLOAT32" if dtype == "FLOAT32" else "INT8"
        kernel = Tensor.constant("kernel", np.ones((3, 4), NUMPY[weights]))
        kernel.quantization = None if dtype == "FLOAT32" else Quantization((0.03125,), (0,))
        bias = {"FLOAT32": np.float32, "INT8": np.int32, "INT16": np.int64}[dtype]
        add = Tensor.constant("bias", np.zeros(3, bias))
        if dtype != "FLOAT32":
            add.quantization = Quantization((0.03125**2,), (0,))
        operands, outputs = [x, kernel, add], [_values("y", dtype, (2, 3))]
    elif code in _SCALES and dtype in ("INT8", "INT16"):
        outputs[0].quantization = _SCALES[code][dtype]
    op = make_op(code, operands, outputs, **options)
    main = Subgraph("main", inputs, outputs, [op])
    ports = ({t.name: t for t in side} for side in (inputs, outputs))
    return Model([main], [Signature("main", main, *ports)])
