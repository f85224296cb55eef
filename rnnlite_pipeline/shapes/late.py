"""Which ops have outputs that are sized when the model runs, as the interpreter decides it.

The interpreter prepares the ops of a graph in execution order: it sizes their outputs and plans
the memory. It stops behind an op whose output's size it cannot know yet, and goes on when that
op has run (LiteRT tflite/core/subgraph.cc, PrepareOpsStartingAt). Two faults of the runtime need
such an op (docs/traps.md, "Memory"), so the project has to know them exactly. The rules:

1. A tensor's value is known early where it is a constant that is not empty, or the output of one
   of `EVALUATED` whose deciding operands are all known early. An empty constant has no buffer, and
   the interpreter takes it for a value that is computed.
2. The ops of `DECIDED_BY` size their output when they are prepared if the values of these operands
   are known early, and when they run if not.
3. `ALWAYS_LATE`: the size is in the data.
4. TOPK_V2 is sized late where a dimension of what it reads is open as well, and so is SLICE; but
   a SLICE whose output is declared with closed dimensions alone is never sized late (topk_v2.cc,
   slice.cc, HasUnspecifiedDimension).
5. TRANSPOSE_CONV wants a constant: a shape that is evaluated early is not enough
   (transpose_conv.cc, IsConstantTensor).
6. WHILE is sized late where its body has an op that is, or gives a variable another size than
   it had. IF likewise: where a branch has one, or the branches differ (while.cc, if.cc, Prepare).
   What a subgraph reads is not known early in it. A dimension keeps its size where that follows
   from the ops of the body (`Extents`); where it does not follow, it is taken for another one.
7. All other builtin ops are sized by the sizes of their operands. A custom op may be of any size.

Each rule is held against the interpreter, op by op, in tests/shapes/test_late.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.extents import Extents

#: Ops that the interpreter evaluates while it prepares, where these operands are known early
#: (SetTensorToPersistentRo in each kernel's Prepare); None: all of them.
EVALUATED: dict[str, tuple[int, ...] | None] = {
    "BROADCAST_ARGS": None,
    "CONCATENATION": None,
    "GATHER": None,
    "MUL": None,
    "RANGE": None,
    "RANK": (),
    "REDUCE_PROD": None,
    "RESHAPE": None,
    "SHAPE": (),
    "STRIDED_SLICE": None,
    "TILE": None,
}

#: REDUCE_PROD is evaluated early for so many results at most (reduce.cc,
#: kMaxConstantOutputTensorSize).
MOST_PRODUCTS = 8

#: Ops whose output's size depends on the value of these operands.
DECIDED_BY: dict[str, tuple[int, ...]] = {
    "ARG_MAX": (1,),
    "ARG_MIN": (1,),
    "BATCH_TO_SPACE_ND": (1, 2),
    "BROADCAST_TO": (1,),
    "CONV_3D_TRANSPOSE": (0,),
    "DILATE": (1,),
    "EXPAND_DIMS": (1,),
    "FILL": (0,),
    "MEAN": (1,),
    "MIRROR_PAD": (1,),
    "ONE_HOT": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "RANDOM_STANDARD_NORMAL": (0,),
    "RANDOM_UNIFORM": (0,),
    "RANGE": (0, 1, 2),
    "REDUCE_ALL": (1,),
    "REDUCE_ANY": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "REDUCE_PROD": (1,),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "RFFT2D": (1,),
    "SCATTER_ND": (2,),
    "SLICE": (1, 2),
    "SPACE_TO_BATCH_ND": (1, 2),
    "SPARSE_TO_DENSE": (1,),
    "SPLIT": (0,),
    "SPLIT_V": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "SUM": (1,),
    "TILE": (1,),
    "TOPK_V2": (1,),
    "TRANSPOSE": (1,),
    "WHERE": (0,),
}

#: Ops whose output's size is in the data, or of kinds that nobody prepares early.
ALWAYS_LATE = frozenset(
    {
        "CALL",
        "NON_MAX_SUPPRESSION_V4",
        "NON_MAX_SUPPRESSION_V5",
        "READ_VARIABLE",
        "SEGMENT_SUM",
        "STABLEHLO_CASE",
        "STABLEHLO_COMPOSITE",
        "STABLEHLO_WHILE",
        "UNIQUE",
        "UNSORTED_SEGMENT_MAX",
        "UNSORTED_SEGMENT_MIN",
        "UNSORTED_SEGMENT_PROD",
        "UNSORTED_SEGMENT_SUM",
    }
)


def late_ops(subgraph: Subgraph) -> list[Op]:
    """The ops of a subgraph whose outputs are sized when it runs, in execution order."""
    sizes = _Sizes()
    return [op for op in subgraph.ops if sizes.is_late(op)]


class _Sizes:
    """Goes through ops in execution order, and remembers the values that are known early."""

    def __init__(self) -> None:
        self._early: set[Tensor] = set()

    def is_late(self, op: Op) -> bool:
        """Whether an output of the next op is sized when it runs."""
        if op.custom or op.code in ALWAYS_LATE:
            return True
        if self._is_evaluated(op):
            self._early.update(op.outputs)
        if op.code == "WHILE":
            return _loop_is_late(op)
        if op.code == "IF":
            return _branch_is_late(op)
        deciding = [op.inputs[i] for i in DECIDED_BY.get(op.code, ()) if i < len(op.inputs)]
        unknown = not all(map(self._is_known, deciding))
        if op.code in ("SLICE", "TOPK_V2"):
            unknown |= _is_open(op.inputs[0])
        if op.code == "SLICE":
            return unknown and _is_open(op.outputs[0])
        return unknown or (op.code == "TRANSPOSE_CONV" and not _is_constant(op.inputs[0]))

    def _is_evaluated(self, op: Op) -> bool:
        if op.code not in EVALUATED:
            return False
        needed = EVALUATED[op.code]
        operands = op.inputs if needed is None else [op.inputs[i] for i in needed]
        return all(map(self._is_known, operands)) and not _is_large_product(op)

    def _is_known(self, tensor: Tensor | None) -> bool:
        return tensor is None or tensor in self._early or _is_constant(tensor)


def _is_constant(tensor: Tensor | None) -> bool:
    return tensor is not None and bool(tensor.data)


def _is_open(tensor: Tensor | None) -> bool:
    return tensor is None or tensor.shape is None or OPEN in tensor.shape


def _is_large_product(op: Op) -> bool:
    if op.code != "REDUCE_PROD":
        return False
    count = 1
    for size in op.outputs[0].shape or ():
        count *= abs(size)
    return count > MOST_PRODUCTS


def _loop_is_late(op: Op) -> bool:
    _, body = called(op)
    return bool(late_ops(body)) or not _sized_alike(Extents(body), body.inputs, body.outputs)


def _branch_is_late(op: Op) -> bool:
    one, other = called(op)
    closed = all(not _is_open(t) for t in (*one.outputs, *other.outputs))
    alike = [t.shape for t in one.outputs] == [t.shape for t in other.outputs]
    return not (closed and alike) or bool(late_ops(one)) or bool(late_ops(other))


def _sized_alike(extents: Extents, before: Sequence[Tensor], after: Sequence[Tensor]) -> bool:
    """Whether each tensor has the size of the one that it takes the place of."""
    return all(
        len(old.shape or ()) == len(new.shape or ())
        and all(
            extents.dimension(old, axis) == extents.dimension(new, axis)
            for axis in range(len(old.shape or ()))
        )
        for old, new in zip(before, after, strict=True)
    )
