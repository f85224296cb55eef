"""Which ops leave their output's size unknown until they run.

The interpreter plans the memory of variables once, before the first op whose output is sized at
run time (arena_planner.cc, CalculateAllocations: persistent tensors are not reallocated). With
an open batch, a state whose writer is prepared after such an op keeps the room of batch 1, and a
larger batch overwrites what stands behind it. So the writers have to know (states.py, rule 5).

The sets were measured on ai-edge-litert 2.3, op by op (tests/lower/test_dynamic.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

#: Ops whose output's size depends on their inputs' sizes alone.
SIZED_BY_SIZES = frozenset(
    {
        "ABS",
        "ADD",
        "ADD_N",
        "AVERAGE_POOL_2D",
        "BATCH_MATMUL",
        "CAST",
        "CEIL",
        "CONCATENATION",
        "CONV_2D",
        "CONV_3D",
        "COS",
        "CUMSUM",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "DIV",
        "ELU",
        "EQUAL",
        "EXP",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "FULLY_CONNECTED",
        "GATHER",
        "GELU",
        "GREATER",
        "GREATER_EQUAL",
        "HARD_SWISH",
        "L2_NORMALIZATION",
        "LEAKY_RELU",
        "LESS",
        "LESS_EQUAL",
        "LOG",
        "LOGICAL_AND",
        "LOGICAL_NOT",
        "LOGICAL_OR",
        "LOGISTIC",
        "LOG_SOFTMAX",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MINIMUM",
        "MUL",
        "NEG",
        "NOT_EQUAL",
        "PACK",
        "POW",
        "PRELU",
        "QUANTIZE",
        "RELU",
        "RELU6",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "REVERSE_V2",
        "ROUND",
        "RSQRT",
        "SELECT",
        "SELECT_V2",
        "SHAPE",
        "SIGN",
        "SIN",
        "SOFTMAX",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SQUEEZE",
        "SUB",
        "TANH",
        "UNPACK",
        "ZEROS_LIKE",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
    }
)

#: Ops whose output's size depends on the value of these operands too.
SIZED_BY_VALUES = {
    "ARG_MAX": (1,),
    "ARG_MIN": (1,),
    "BROADCAST_TO": (1,),
    "EXPAND_DIMS": (1,),
    "FILL": (0,),
    "MEAN": (1,),
    "MIRROR_PAD": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "RANGE": (0, 1, 2),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "REDUCE_PROD": (1,),
    "RESHAPE": (1,),
    "SPLIT": (0,),
    "SPLIT_V": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "SUM": (1,),
    "TILE": (1,),
    "TRANSPOSE": (1,),
}

#: Ops the interpreter evaluates while it prepares, where their operands are known.
EVALUATED_EARLY = frozenset(
    {
        "BROADCAST_ARGS",
        "CONCATENATION",
        "GATHER",
        "RANGE",
        "REDUCE_PROD",
        "RESHAPE",
        "SHAPE",
        "STRIDED_SLICE",
    }
)


class SizeTracker:
    """Follows a subgraph in execution order, watching for sizes known at run time only.

    Attributes:
        dynamic: Whether an op seen so far may have had an output of such a size.
    """

    def __init__(self) -> None:
        self.dynamic = False
        self._known: set[Tensor] = set()

    def see(self, ops: Iterable[Op]) -> None:
        """Takes note of the next ops."""
        for op in ops:
            if self._evaluated_early(op):
                self._known.update(op.outputs)
            self.dynamic |= not self._sized(op)

    def _evaluated_early(self, op: Op) -> bool:
        if op.code not in EVALUATED_EARLY or op.custom:
            return False
        return op.code == "SHAPE" or all(map(self._is_known, op.inputs))

    def _sized(self, op: Op) -> bool:
        if op.custom:
            return False
        if op.code == "SLICE":  # slice.cc, Prepare: an open dimension of the input is enough
            sizes = [t.shape for t in op.inputs[:1] if t is not None]
            return all(map(self._is_known, op.inputs[1:])) and all(
                shape is not None and OPEN not in shape for shape in sizes
            )
        deciding = SIZED_BY_VALUES.get(op.code, ())
        if not deciding and op.code not in SIZED_BY_SIZES:
            return op.code in EVALUATED_EARLY and self._evaluated_early(op)
        return all(
            self._is_known(t) for t in (op.inputs[i] for i in deciding if i < len(op.inputs))
        )

    def _is_known(self, tensor: Tensor | None) -> bool:
        return tensor is None or tensor.data is not None or tensor in self._known
