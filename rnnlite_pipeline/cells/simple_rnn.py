"""The simple RNN of Elman."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.functions import FUSABLE
from rnnlite_pipeline.algebra.patterns import WEIGHT, activation
from rnnlite_pipeline.cells.cell import Array, Cell, Kernel, T, Weigh
from rnnlite_pipeline.cells.fusing import why_not_fused
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import register

#: The activations the kernels compute right, measured in tests/lower/test_fused.py. The schema
#: has no SIGMOID to fuse.
FUSED_ACTIVATIONS = ("TANH", "RELU", "RELU6", "RELU_N1_TO_1", "NONE")


@register
@dataclass(frozen=True, eq=False)
class SimpleRnn(NamedCell):
    """h' = activation(kernel x + recurrent h + bias).

    Attributes:
        kernel: [U, F].
        recurrent: [U, U].
        bias: [U].
        activation: A key of `functions.ACTIVATIONS`.
    """

    kind: ClassVar[str] = "SimpleRNN"
    fused: ClassVar[str] = "RNN"
    variables: ClassVar[tuple[str, ...]] = ("state",)

    kernel: Array
    recurrent: Array
    bias: Array
    activation: str = "TANH"

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """(h,) to (h',)."""
        (h,) = states
        z = m.times(x, self.kernel, "W") + m.times(h, self.recurrent, "R")
        z = m.shifted(z, self.bias, "b")
        return (m.new(0, "h", m.activation(self.activation, z), "step"),)

    @classmethod
    def unknown(cls) -> Iterator[Self]:
        """One form, with any activation that the schema can fuse, or the sigmoid."""
        yield cls(WEIGHT(), WEIGHT(), WEIGHT(), activation(FUSABLE))

    @property
    def features(self) -> int:
        """F."""
        return int(self.kernel.shape[1])

    @property
    def states(self) -> tuple[int]:
        """(U,): the width of h."""
        return (int(self.kernel.shape[0]),)

    # The fused op. Operand order: LiteRT tflite/kernels/unidirectional_sequence_rnn.cc and
    # bidirectional_sequence_rnn.cc.

    def why_not(self, kernel: Kernel) -> str:
        """Why a kernel of the fused op does not compute this cell; empty if it does."""
        if kernel == "integer":
            return f"the fused {self.kind} op has no integer form"
        return why_not_fused(self.kind, self.activation, FUSED_ACTIVATIONS)

    def pairs_with(self, other: Cell) -> bool:
        """The same activation."""
        return isinstance(other, SimpleRnn) and self.activation == other.activation

    def operands(self, weigh: Weigh[T], x: T, states: Sequence[T]) -> list[T | None]:
        """5 operands."""
        return [x, *self._weights(weigh, ""), *states]

    def paired_operands(
        self, weigh: Weigh[T], x: T, states: Sequence[T], backward: Cell
    ) -> list[T | None]:
        """12 operands, the last 3 the auxiliary input."""
        assert isinstance(backward, SimpleRnn), "both directions are of one kind"
        forward = [*self._weights(weigh, "forward_"), states[0]]
        return [x, *forward, *backward._weights(weigh, "backward_"), states[1], *[None] * 3]

    def _weights(self, weigh: Weigh[T], prefix: str) -> list[T | None]:
        return [
            weigh(f"{prefix}kernel", self.kernel),
            weigh(f"{prefix}recurrent_kernel", self.recurrent),
            weigh(f"{prefix}bias", self.bias),
        ]

    def options(self, time_major: bool) -> dict[str, Any]:
        """Those of the op in either form."""
        return {"fused_activation_function": self.activation, "time_major": time_major}
