"""One small use of every op, for tests that hold a rule about ops against the interpreter.

Each sample appends one op to a builder. What the op reads is open where it can be: x [B, T, 4].
The operands whose value decides a size come from `Sizes`, which makes them known in one of
three ways: constant, evaluated while the interpreter prepares, or computed when the model runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.schema import enum_values

#: How the value of an operand is known.
Known = Literal["constant", "early", "late"]

X = (OPEN, OPEN, 4)


@dataclass
class Sizes:
    """Makes the operands that decide sizes.

    Attributes:
        build: Where ops go that evaluate an operand early.
        known: How the operands are known.
        fed: The inputs that were made: the operands that are computed late, and others.
    """

    build: Builder
    known: Known
    fed: list[Tensor] = field(default_factory=list)

    def __call__(self, value: int | list[Any]) -> Tensor:
        """An int32 operand of this value."""
        array = np.asarray(value, np.int32)
        if self.known == "constant":
            return self.build.constant("operand", array)
        if self.known == "late":
            return self.input("operand", "INT32", array.shape)
        rank, padded = array.ndim, array.reshape(array.shape or (1,))
        places: tuple[list[int], ...] = ([0] * padded.ndim, list(padded.shape), [1] * padded.ndim)
        return self.build.op(
            "STRIDED_SLICE",
            [self.build.constant("operand", padded), *map(self.build.indices, places)],
            "INT32",
            array.shape,
            shrink_axis_mask=int(rank == 0),
        )

    def input(self, name: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
        """An input of the graph."""
        self.fed.append(Tensor(f"{name}_{len(self.fed)}", dtype, shape))
        return self.fed[-1]

    @property
    def x(self) -> Tensor:
        """FLOAT32 [B, T, 4]."""
        return self.input("x", "FLOAT32", X)


Sample = Callable[[Sizes], list[Tensor]]
SAMPLES: dict[str, Sample] = {}


def _one(code: str, **options: Any) -> Callable[[Callable[[Sizes], Any]], Sample]:
    """Registers a sample that gives operands, and the output's dtype and shape."""

    def register(make: Callable[[Sizes], Any]) -> Sample:
        def sample(sizes: Sizes) -> list[Tensor]:
            operands, dtype, shape = make(sizes)
            return [sizes.build.op(code, operands, dtype, shape, **options)]

        SAMPLES[code] = sample
        return sample

    return register


def _unary(code: str, dtype: str = "FLOAT32", out: str = "", **options: Any) -> None:
    _one(code, **options)(lambda s: ([s.input("x", dtype, X)], out or dtype, X))


def _binary(code: str, dtype: str = "FLOAT32", out: str = "") -> None:
    _one(code)(lambda s: ([s.input("x", dtype, X) for _ in "ab"], out or dtype, X))


for _code in (
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "GELU",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOG",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "NEG",
    "RELU",
    "RELU6",
    "RELU_0_TO_1",
    "RELU_N1_TO_1",
    "ROUND",
    "RSQRT",
    "SIGN",
    "SIN",
    "SOFTMAX",
    "SQRT",
    "SQUARE",
    "TANH",
    "ZEROS_LIKE",
    "L2_NORMALIZATION",
):
    _unary(_code)
_unary("LOGICAL_NOT", "BOOL")
_unary("CAST", out="INT32", in_data_type=0, out_data_type=enum_values("TensorType")["INT32"])
for _code in (
    "ADD",
    "DIV",
    "FLOOR_DIV",
    "FLOOR_MOD",
    "MAXIMUM",
    "MINIMUM",
    "MUL",
    "POW",
    "PRELU",
    "SQUARED_DIFFERENCE",
    "SUB",
    "ATAN2",
):
    _binary(_code)
for _code in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"):
    _binary(_code, out="BOOL")
for _code in ("LOGICAL_AND", "LOGICAL_OR"):
    _binary(_code, "BOOL")
_binary("ADD_N")
_binary("BITWISE_XOR", "INT32")
_binary("RIGHT_SHIFT", "INT32")
_one("SELECT")(lambda s: ([s.input("m", "BOOL", X), s.x, s.x], "FLOAT32", X))
_one("SELECT_V2")(lambda s: ([s.input("m", "BOOL", X), s.x, s.x], "FLOAT32", X))
_one("CUMSUM")(lambda s: ([s.x, s(1)], "FLOAT32", X))
_one("CONCATENATION", axis=2)(lambda s: ([s.x, s.x], "FLOAT32", (OPEN, OPEN, 8)))
_one("PACK", values_count=2, axis=0)(lambda s: ([s.x, s.x], "FLOAT32", (2, *X)))
_one("SHAPE", out_type=2)(lambda s: ([s.x], "INT32", (3,)))
_one("RANK")(lambda s: ([s.x], "INT32", ()))
_one("SQUEEZE", squeeze_dims=[1])(
    lambda s: ([s.input("x", "FLOAT32", (OPEN, 1, 4))], "FLOAT32", (OPEN, 4))
)
_one("EXPAND_DIMS")(lambda s: ([s.x, s(1)], "FLOAT32", (OPEN, 1, OPEN, 4)))
_one("RESHAPE")(lambda s: ([s.x, s([-1, 4])], "FLOAT32", (OPEN, 4)))
_one("TRANSPOSE")(lambda s: ([s.x, s([1, 0, 2])], "FLOAT32", X))
_one("REVERSE_V2")(lambda s: ([s.x, s([1])], "FLOAT32", X))
_one("TILE")(lambda s: ([s.x, s([1, 2, 1])], "FLOAT32", X))
_one("FILL")(
    lambda s: ([s([2, 3]), s.build.constant("v", np.zeros((), "f"))], "FLOAT32", (OPEN, OPEN))
)
_one("BROADCAST_TO")(lambda s: ([s.input("x", "FLOAT32", (1, 4)), s([2, 4])], "FLOAT32", (OPEN, 4)))
_one("BROADCAST_ARGS")(lambda s: ([s([1, 3]), s([2, 1])], "INT32", (2,)))
_one("RANGE")(lambda s: ([s(0), s(5), s(1)], "INT32", (OPEN,)))
_one("GATHER", axis=1)(
    lambda s: ([s.x, s.input("i", "INT32", (OPEN,))], "FLOAT32", (OPEN, OPEN, 4))
)
_one("GATHER_ND")(lambda s: ([s.x, s.input("i", "INT32", (OPEN, 2))], "FLOAT32", (OPEN, 4)))
_one("ONE_HOT", axis=-1)(
    lambda s: (
        [
            s.input("i", "INT32", (OPEN, OPEN)),
            s(4),
            *(s.build.constant("v", np.asarray(v, "f")) for v in (1, 0)),
        ],
        "FLOAT32",
        X,
    )
)
_one("EMBEDDING_LOOKUP")(
    lambda s: (
        [s.input("i", "INT32", (OPEN,)), s.build.constant("table", np.ones((5, 4), "f"))],
        "FLOAT32",
        (OPEN, 4),
    )
)
_one("WHERE")(lambda s: ([s.input("m", "BOOL", X)], "INT64", (OPEN, 3)))
_one("SCATTER_ND")(
    lambda s: (
        [s.input("i", "INT32", (OPEN, 1)), s.input("u", "FLOAT32", (OPEN, 4)), s([7, 4])],
        "FLOAT32",
        (7, 4),
    )
)
_one("DYNAMIC_UPDATE_SLICE")(lambda s: ([s.x, s.x, s.input("at", "INT32", (3,))], "FLOAT32", X))
_one("REVERSE_SEQUENCE", seq_dim=1, batch_dim=0)(
    lambda s: ([s.x, s.input("n", "INT32", (OPEN,))], "FLOAT32", X)
)
_one("ARG_MAX", output_type=2)(lambda s: ([s.x, s(1)], "INT32", (OPEN, 4)))
_one("ARG_MIN", output_type=2)(lambda s: ([s.x, s(1)], "INT32", (OPEN, 4)))
for _code in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
    _one(_code, keep_dims=True)(lambda s: ([s.x, s([1])], "FLOAT32", (OPEN, 1, 4)))
for _code in ("REDUCE_ANY", "REDUCE_ALL"):
    _one(_code)(lambda s: ([s.input("m", "BOOL", X), s([1])], "BOOL", (OPEN, 4)))
_PADS = [[0, 0], [1, 1], [0, 0]]
_one("PAD")(lambda s: ([s.x, s(_PADS)], "FLOAT32", X))
_one("PADV2")(lambda s: ([s.x, s(_PADS), s.build.constant("v", np.zeros((), "f"))], "FLOAT32", X))
_one("MIRROR_PAD")(
    lambda s: ([s.input("x", "FLOAT32", (OPEN, 4, 4)), s(_PADS)], "FLOAT32", (OPEN, 6, 4))
)
_one("SLICE")(lambda s: ([s.x, s([0, 0, 0]), s([-1, -1, 2])], "FLOAT32", (OPEN, OPEN, 2)))
_one("STRIDED_SLICE", begin_mask=3, end_mask=3)(
    lambda s: (
        [s.x, s([0, 0, 1]), s([0, 0, 3]), s.build.indices([1, 1, 1])],
        "FLOAT32",
        (OPEN, OPEN, 2),
    )
)
_one("FULLY_CONNECTED", keep_num_dims=True)(
    lambda s: ([s.x, s.build.constant("w", np.ones((5, 4), "f")), None], "FLOAT32", (OPEN, OPEN, 5))
)
_one("BATCH_MATMUL")(
    lambda s: ([s.x, s.input("y", "FLOAT32", (OPEN, 4, 5))], "FLOAT32", (OPEN, OPEN, 5))
)
_IMAGE = (OPEN, OPEN, 8, 2)
_FILTER = np.ones((3, 3, 3, 2), np.float32)


@_one("CONV_2D", stride_h=1, stride_w=1, padding=0)
def _conv(sizes: Sizes) -> Any:
    weights = [sizes.build.constant("w", a) for a in (_FILTER, np.zeros(3, np.float32))]
    return [sizes.input("x", "FLOAT32", _IMAGE), *weights], "FLOAT32", (OPEN, OPEN, 8, 3)


@_one("DEPTHWISE_CONV_2D", stride_h=1, stride_w=1, padding=0, depth_multiplier=1)
def _depthwise(sizes: Sizes) -> Any:
    filters, bias = np.ones((1, 3, 3, 2), np.float32), np.zeros(2, np.float32)
    weights = [sizes.build.constant("w", a) for a in (filters, bias)]
    return [sizes.input("x", "FLOAT32", _IMAGE), *weights], "FLOAT32", _IMAGE


@_one("TRANSPOSE_CONV", stride_h=1, stride_w=1, padding=0)
def _transpose_conv(sizes: Sizes) -> Any:
    shape, out = sizes([1, 6, 8, 3]), (1, 6, 8, 3)
    image = sizes.input("x", "FLOAT32", (1, 6, 8, 2))
    return [shape, sizes.build.constant("w", _FILTER), image], "FLOAT32", out


for _code in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
    _one(_code, stride_h=2, stride_w=2, filter_height=2, filter_width=2, padding=0)(
        lambda s: ([s.input("x", "FLOAT32", _IMAGE)], "FLOAT32", (OPEN, OPEN, 4, 2))
    )
_one("RESIZE_BILINEAR")(
    lambda s: ([s.input("x", "FLOAT32", _IMAGE), s([4, 4])], "FLOAT32", (OPEN, 4, 4, 2))
)
_one("RESIZE_NEAREST_NEIGHBOR")(
    lambda s: ([s.input("x", "FLOAT32", _IMAGE), s([4, 4])], "FLOAT32", (OPEN, 4, 4, 2))
)
_one("SPACE_TO_DEPTH", block_size=2)(
    lambda s: ([s.input("x", "FLOAT32", (OPEN, 4, 4, 2))], "FLOAT32", (OPEN, 2, 2, 8))
)
_one("DEPTH_TO_SPACE", block_size=2)(
    lambda s: ([s.input("x", "FLOAT32", (OPEN, 4, 4, 8))], "FLOAT32", (OPEN, 8, 8, 2))
)
_one("SPACE_TO_BATCH_ND")(
    lambda s: (
        [s.input("x", "FLOAT32", (OPEN, 4, 8, 2)), s([2, 2]), s([[0, 0], [0, 0]])],
        "FLOAT32",
        (OPEN, 2, 4, 2),
    )
)
_one("BATCH_TO_SPACE_ND")(
    lambda s: (
        [s.input("x", "FLOAT32", (4, 4, 8, 2)), s([2, 2]), s([[0, 0], [0, 0]])],
        "FLOAT32",
        (OPEN, 8, 16, 2),
    )
)
_one("MATRIX_DIAG")(lambda s: ([s.x], "FLOAT32", (OPEN, OPEN, 4, 4)))
_one("SEGMENT_SUM")(
    lambda s: ([s.input("x", "FLOAT32", (3, 4)), s([0, 0, 1])], "FLOAT32", (OPEN, 4))
)
_one("SPARSE_TO_DENSE")(
    lambda s: (
        [
            s.input("i", "INT32", (OPEN, 1)),
            s([6]),
            s.input("v", "FLOAT32", (OPEN,)),
            s.build.constant("v", np.zeros((), "f")),
        ],
        "FLOAT32",
        (6,),
    )
)


def _several(code: str, dtypes: list[str], shapes: list[Any], **options: Any) -> Any:
    """Registers a sample with several outputs; it gives the operands."""

    def register(make: Callable[[Sizes], list[Tensor | None]]) -> Sample:
        def sample(sizes: Sizes) -> list[Tensor]:
            operands = make(sizes)
            made = [sizes.build.tensor(code, d, s) for d, s in zip(dtypes, shapes, strict=True)]
            sizes.build.ops.append(make_op(code, operands, made, **options))
            return made

        SAMPLES[code] = sample
        return sample

    return register


_HALVES = [(OPEN, OPEN, 2)] * 2
_several("SPLIT", ["FLOAT32"] * 2, _HALVES, num_splits=2)(lambda s: [s(2), s.x])
_several("SPLIT_V", ["FLOAT32"] * 2, _HALVES, num_splits=2)(lambda s: [s.x, s([2, 2]), s(2)])
_several("UNPACK", ["FLOAT32"] * 4, [(OPEN, OPEN)] * 4, num=4, axis=2)(lambda s: [s.x])
_several("TOPK_V2", ["FLOAT32", "INT32"], [(OPEN, OPEN, 2)] * 2)(lambda s: [s.x, s(2)])
_several("UNIQUE", ["INT32", "INT32"], [(OPEN,)] * 2, idx_out_type=2)(
    lambda s: [s.input("x", "INT32", (OPEN,))]
)


def _quantize(sizes: Sizes) -> list[Tensor]:
    out = Tensor("quantized", "INT8", X, quantization=Quantization((0.1,), (0,)))
    sizes.build.ops.append(make_op("QUANTIZE", [sizes.x], [out]))
    return [out]


SAMPLES["QUANTIZE"] = _quantize


def body_and_condition(carried: Tensor, turn: Callable[[Builder, Tensor], Tensor]) -> Op:
    """A WHILE that counts to 3 and applies `turn` to one tensor."""
    outer = [Tensor.constant("zero", np.zeros((), np.int32)), carried]
    graphs = []
    for name in ("condition", "body"):
        build = Builder(name)
        count, x = (build.tensor(n, t.dtype, t.shape) for n, t in zip("cx", outer, strict=True))
        if name == "condition":
            outputs = [build.binary("LESS", count, build.indices(3))]
        else:
            outputs = [build.binary("ADD", count, build.indices(1)), turn(build, x)]
        graphs.append(Subgraph(name, [count, x], outputs, build.ops))
    outs = [Tensor(f"while_{k}", t.dtype, t.shape) for k, t in enumerate(outer)]
    return make_op("WHILE", outer, outs, cond_subgraph=graphs[0], body_subgraph=graphs[1])
