"""Foreign ops as plain values, for the process that has TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import Op, Tensor

Array = NDArray[Any]


@dataclass(frozen=True)
class PieceOp:
    """An op; its values are numbers.

    Attributes:
        name: The TensorFlow op's, without "Flex".
        is_flex: Whether `options` is a Flex op's, [name, NodeDef], or a map of attributes, as
            TensorFlow's converter writes it for an op that it leaves to the runtime.
        options: A flexbuffer.
        inputs: None for one left out.
        outputs: As many as the op has.
    """

    name: str
    is_flex: bool
    options: bytes
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Constant:
    """A constant operand, as the file stores it."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Piece:
    """Ops that TensorFlow runs together, so that what passes between them never leaves it.

    Attributes:
        ops: In execution order.
        inputs: The TFLite dtype of each value that goes in.
        constants: By number.
        outputs: The values that come out.
    """

    ops: tuple[PieceOp, ...]
    inputs: tuple[tuple[int, str], ...]
    constants: tuple[tuple[int, Constant], ...]
    outputs: tuple[int, ...]


def piece(ops: Sequence[Op], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Piece:
    """The piece that some foreign ops are."""
    numbers: dict[Tensor, int] = {}
    for op in ops:
        for tensor in (*op.inputs, *op.outputs):
            if tensor is not None:
                numbers.setdefault(tensor, len(numbers))
    constants = tuple(
        (n, Constant(t.dtype, t.shape or (), t.data))
        for t, n in numbers.items()
        if t.data is not None
    )
    return Piece(
        tuple(_op(op, numbers) for op in ops),
        tuple((numbers[t], t.dtype) for t in inputs),
        constants,
        tuple(numbers[t] for t in outputs),
    )


def _op(op: Op, numbers: dict[Tensor, int]) -> PieceOp:
    return PieceOp(
        op.code.removeprefix("Flex"),
        op.code.startswith("Flex"),
        op.custom_options or b"",
        tuple(None if t is None else numbers[t] for t in op.inputs),
        tuple(numbers[t] for t in op.outputs),
    )
