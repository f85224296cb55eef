"""New ops: the right options table and op version, the output's shape inferred where simple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.graph.ops import COMPARISONS
from rnnlite_pipeline.graph.slicing import Taken, written

#: Options tables that are not named after their op.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    **{f"REDUCE_{kind}": "ReducerOptions" for kind in ("ALL", "ANY", "MAX", "MIN", "PROD")},
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
}

#: The version that first takes a dtype, by op (register.cc); 1 for what is not listed.
_VERSIONS = {
    "CONCATENATION": {"INT8": 2, "INT16": 3},
    "DYNAMIC_UPDATE_SLICE": {"FLOAT16": 3, "INT16": 4},
    "EQUAL": {"BOOL": 1, "INT8": 2, "STRING": 3},
    "FILL": {"INT64": 1, "INT8": 2, "INT16": 2, "FLOAT16": 3},
    "GATHER": {"BOOL": 3, "INT8": 2, "INT16": 4},
    "PACK": {"INT8": 2, "INT16": 3},
    "REVERSE_V2": {"BOOL": 2, "INT16": 2, "INT8": 3},
    "SLICE": {"INT8": 2, "STRING": 3, "INT16": 4},
    "SPLIT": {"INT8": 2, "INT16": 4, "INT32": 3},
    "STRIDED_SLICE": {"INT8": 2, "BOOL": 3, "INT16": 4},
    "TRANSPOSE": {"INT8": 2, "BOOL": 3, "INT16": 4},
    "UNPACK": {"INT8": 2, "BOOL": 3, "INT16": 4},
    "ADD": {"INT8": 2, "INT16": 3},
    "MUL": {"INT8": 2, "INT16": 4},
    "BROADCAST_TO": {"FLOAT32": 2, "INT32": 2, "INT64": 2, "INT8": 3, "INT16": 3, "BOOL": 2},
}


def options_type(code: str) -> str | None:
    """The options table of a builtin op by the schema's naming: WHILE has WhileOptions.

    Raises:
        ValueError: There is no such builtin op.
    """
    if code not in schema.enum_values("BuiltinOperator"):
        raise ValueError(f"{code} is not a builtin operator")
    if code in _OPTIONS:
        return _OPTIONS[code]
    tables = [*schema.enum_values("BuiltinOptions"), *schema.enum_values("BuiltinOptions2")]
    by_code = {name.upper(): name for name in tables}
    return by_code.get(code.replace("_", "") + "OPTIONS")


def version_of(code: str, dtype: str) -> int:
    """The lowest op version whose kernel takes `dtype` (register.cc)."""
    return _VERSIONS.get(code, {}).get(dtype, 1)


def make_op(
    code: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], **options: Any
) -> Op:
    """A builtin op; its version follows the dtype of its last output, or of its input 0.

    Every field of the options table that is not given has the schema's default.
    """
    name = options_type(code)
    filled = defaults(name) if name else {}
    unknown = options.keys() - filled.keys()
    if unknown:
        raise ValueError(f"{code} has no option {', '.join(sorted(unknown))}")
    dtypes = [t.dtype for t in (*inputs[:1], *outputs[-1:]) if t is not None]
    version = version_of(code, dtypes[-1]) if dtypes else 1
    return Op(code, list(inputs), list(outputs), filled | options, name, version)


def defaults(table: str) -> dict[str, Any]:
    """The options of a table as `Op.options` names them, with the schema's defaults."""
    options: dict[str, Any] = {}
    for field in schema.table(table).fields:
        name, default = field.name, field.default
        if name.endswith("_subgraph_index"):
            name, default = name.removesuffix("_index"), None
        elif name == "fused_activation_function":
            default = schema.enum_names("ActivationFunctionType")[default]
        options[name] = default
    return options


class Builder:
    """Collects new ops in execution order, to be put into a subgraph by its caller.

    Attributes:
        prefix: What the names of new tensors begin with.
        ops: The ops so far.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.ops: list[Op] = []

    def tensor(self, name: str, dtype: str, shape: Sequence[int] | None) -> Tensor:
        """A tensor still to be computed."""
        return Tensor(f"{self.prefix}/{name}", dtype, None if shape is None else tuple(shape))

    def constant(self, name: str, value: NDArray[Any]) -> Tensor:
        """A constant tensor."""
        return Tensor.constant(f"{self.prefix}/{name}", value)

    def indices(self, value: int | Sequence[int], name: str = "indices") -> Tensor:
        """An int32 constant: an axis, a shape, a place."""
        return self.constant(name, np.asarray(value, np.int32))

    def op(
        self,
        code: str,
        inputs: Sequence[Tensor | None],
        dtype: str,
        shape: Sequence[int] | None,
        name: str = "",
        **options: Any,
    ) -> Tensor:
        """Appends an op with one output of this dtype and shape; returns the output."""
        out = self.tensor(name or code.lower(), dtype, shape)
        self.ops.append(make_op(code, inputs, [out], **options))
        return out

    def unary(self, code: str, x: Tensor) -> Tensor:
        """An elementwise op that keeps dtype and shape: TANH, LOGISTIC, RELU, NEG."""
        return self.op(code, [x], x.dtype, x.shape)

    def binary(self, code: str, a: Tensor, b: Tensor) -> Tensor:
        """An elementwise op with broadcasting; comparisons give BOOL."""
        dtype = "BOOL" if code in COMPARISONS else a.dtype
        return self.op(code, [a, b], dtype, broadcast(a.shape, b.shape))

    def shape(self, x: Tensor) -> Tensor:
        """The run-time shape of x, int32 [rank]."""
        rank = OPEN if x.shape is None else len(x.shape)
        int32 = schema.enum_values("TensorType")["INT32"]
        return self.op("SHAPE", [x], "INT32", [rank], out_type=int32)

    def dimension(self, x: Tensor, axis: int) -> Tensor:
        """One dimension of x at run time, int32 [1]; a constant where it is closed."""
        if x.shape is not None and x.shape[axis] != OPEN:
            return self.indices([x.shape[axis]])
        return self.part(self.shape(x), 0, axis, axis + 1)

    def part(
        self,
        x: Tensor,
        axis: int,
        start: int,
        stop: int | None,
        name: str = "",
        *,
        entries: int | None = None,
    ) -> Tensor:
        """Items [start, stop) of x along one axis; up to the end where `stop` is None.

        Args:
            x: A tensor of known rank.
            axis: Not negative.
            start: The first item; negative from the end.
            stop: The item behind the last one.
            name: Of the result.
            entries: How many axes the op names; all where None.
        """
        return self._taken(x, axis, Taken(start, stop), name, entries)

    def step(self, x: Tensor, axis: int, index: int, name: str = "") -> Tensor:
        """One item of x, of known rank, along one axis, which goes."""
        return self._taken(x, axis, Taken(index, drops=True), name)

    def _taken(
        self, x: Tensor, axis: int, taken: Taken, name: str, entries: int | None = None
    ) -> Tensor:
        how = written(x, axis, taken, entries)
        operands = [x, *map(self.indices, how.places)]
        return self.op("STRIDED_SLICE", operands, x.dtype, how.shape, name, **how.options)

    def reshape(self, x: Tensor, shape: Sequence[int] | Tensor) -> Tensor:
        """x in another shape, of which one dimension at most is open.

        A scalar's shape is no operand: an empty constant has no buffer, and the interpreter takes
        it for a shape that is computed (shapes/late.py, rule 1).
        """
        if isinstance(shape, Tensor):
            known = None if shape.shape is None else (OPEN,) * shape.shape[0]
            return self.op("RESHAPE", [x, shape], x.dtype, known)
        if not len(shape):
            return self.op("RESHAPE", [x], x.dtype, (), new_shape=[])
        return self.op("RESHAPE", [x, self.indices(shape)], x.dtype, shape, new_shape=[*shape])

    def transpose(self, x: Tensor, permutation: Sequence[int]) -> Tensor:
        """x with its axes in the order `permutation`."""
        shape = x.shape and [x.shape[axis] for axis in permutation]
        return self.op("TRANSPOSE", [x, self.indices(permutation)], x.dtype, shape)

    def reverse(self, x: Tensor, axis: int) -> Tensor:
        """x with the order along `axis` turned round."""
        return self.op("REVERSE_V2", [x, self.indices([axis])], x.dtype, x.shape)

    def expand_dims(self, x: Tensor, axis: int) -> Tensor:
        """x with a new dimension of 1 at `axis`, which is not negative."""
        shape = None if x.shape is None else [*x.shape[:axis], 1, *x.shape[axis:]]
        return self.op("EXPAND_DIMS", [x, self.indices(axis)], x.dtype, shape)

    def concatenate(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """The parts, of known rank, joined along `axis`."""
        shapes = [p.shape or () for p in parts]
        joined = [join(dimensions) for dimensions in zip(*shapes, strict=True)]
        lengths = [s[axis] for s in shapes]
        joined[axis] = OPEN if OPEN in lengths else sum(lengths)
        return self.op("CONCATENATION", parts, parts[0].dtype, joined, axis=axis)

    def split(self, x: Tensor, count: int, axis: int) -> list[Tensor]:
        """x, of known rank, in `count` equal parts along `axis`."""
        shape = list(x.shape or ())
        shape[axis] = OPEN if shape[axis] == OPEN else shape[axis] // count
        outs = [self.tensor("split", x.dtype, shape) for _ in range(count)]
        self.ops.append(make_op("SPLIT", [self.indices(axis), x], outs, num_splits=count))
        return outs

    def pack(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """The parts, of one known shape, along a new axis `axis`, which is not negative."""
        shape = [*(parts[0].shape or ())]
        shape.insert(axis, len(parts))
        return self.op("PACK", parts, parts[0].dtype, shape, values_count=len(parts), axis=axis)

    def unpack(self, x: Tensor, axis: int) -> list[Tensor]:
        """The items of x along an axis of known length, which goes."""
        shape = [*(x.shape or ())]
        outs = [self.tensor("unpack", x.dtype, shape[:axis] + shape[axis + 1 :])
                for _ in range(shape[axis])]  # fmt: skip
        self.ops.append(make_op("UNPACK", [x], outs, num=len(outs), axis=axis))
        return outs

    def gather(self, x: Tensor, index: Tensor, axis: int = 0) -> Tensor:
        """The slices of x at `index` along `axis`."""
        known = x.shape is not None and index.shape is not None
        shape = [*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]] if known else None  # type: ignore[index,misc]
        return self.op("GATHER", [x, index], x.dtype, shape, axis=axis)

    def fill(self, dims: Tensor, value: Tensor, shape: Sequence[int]) -> Tensor:
        """A tensor of the run-time shape `dims`, int32 [rank]; `shape` is what is known of it."""
        return self.op("FILL", [dims, value], value.dtype, shape)

    def update(self, x: Tensor, update: Tensor, start: Tensor) -> Tensor:
        """x with `update`, of the same rank, in place at `start`, int32 [rank]."""
        return self.op("DYNAMIC_UPDATE_SLICE", [x, update, start], x.dtype, x.shape)


def join(dimensions: Sequence[int]) -> int:
    """The one closed dimension among several that are equal at run time, or OPEN."""
    return next((d for d in dimensions if d != OPEN), OPEN)


def broadcast(a: tuple[int, ...] | None, b: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of an elementwise op over a and b; OPEN where it cannot be told."""
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(_broadcast_one(p, q) for p, q in pairs)


def _broadcast_one(p: int, q: int) -> int:
    if p == 1 or q == 1:
        return q if p == 1 else p
    return join((p, q))
