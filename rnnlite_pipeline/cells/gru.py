"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.patterns import ANY_ACTIVATION, OPTIONAL, activation
from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import register


@register
@dataclass(frozen=True, eq=False)
class Gru(NamedCell):
    """The gated recurrent unit, its reset gate before or after the recurrent product.

        z = sigmoid(update(x, h))
        r = sigmoid(reset(x, h))
        h~ = activation(kernel x + recurrent (r * h) + bias)                     reset before
        h~ = activation(kernel x + r * (recurrent h + recurrent_bias) + bias)    reset after
        h' = z * h + (1 - z) * h~

    Sources: Cho et al. 2014 (arXiv:1406.1078), reset before; cuDNN and Keras' `reset_after`, after.

    Attributes:
        candidate: The candidate's kernel, recurrent kernel and bias.
        activation: A key of `functions.ACTIVATIONS`.
        reset_after: Whether the reset gate scales the recurrent product rather than h.
        recurrent_bias: [U], added to the product that the reset gate scales, or None.
    """

    kind: ClassVar[str] = "GRU"

    update: Gate
    reset: Gate
    candidate: Gate
    activation: str = "TANH"
    reset_after: bool = False
    recurrent_bias: Array | None = None

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """(h,) to (h',)."""
        (h,) = states
        z = m.let("z", m.activation("SIGMOID", self.update.over(m, "z", x, h)), "update gate")
        r = m.let("r", m.activation("SIGMOID", self.reset.over(m, "r", x, h)), "reset gate")
        n = m.let("h̃", m.activation(self.activation, self._candidate(m, x, h, r)), "candidate")
        return (m.new(0, "h", z * h + (m.one - z) * n, "new state"),)

    def _candidate(self, m: Algebra[V], x: V, h: V, r: V) -> V:
        weights = self.candidate
        if not self.reset_after:
            kept: V = r * h
            return weights.over(m, "h", x, kept)
        recurrent = m.times(h, weights.recurrent, "R_h")
        if self.recurrent_bias is not None:
            recurrent = m.shifted(recurrent, self.recurrent_bias, "b_Rh")
        total: V = m.times(x, weights.kernel, "W_h") + r * recurrent
        return m.shifted(total, weights.bias, "b_h")

    @classmethod
    def unknown(cls) -> Iterator[Self]:
        """Reset before, and reset after."""
        for after in (False, True):
            gates = (Gate.unknown(), Gate.unknown(), Gate.unknown())
            bias = OPTIONAL() if after else None
            yield cls(*gates, activation(ANY_ACTIVATION), after, bias)

    @property
    def features(self) -> int:
        """F."""
        return int(self.update.kernel.shape[1])

    @property
    def states(self) -> tuple[int]:
        """(U,): the width of h."""
        return (int(self.update.kernel.shape[0]),)
