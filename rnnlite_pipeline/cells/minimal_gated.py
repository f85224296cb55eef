"""The minimal gated unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.patterns import ANY_ACTIVATION, activation
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import register


@register
@dataclass(frozen=True, eq=False)
class MinimalGated(NamedCell):
    """The minimal gated unit: a GRU whose one gate both resets and updates.

        f = sigmoid(forget(x, h))
        h~ = activation(kernel x + recurrent (f * h) + bias)
        h' = (1 - f) * h + f * h~

    Source: Zhou et al. 2016 (arXiv:1603.09420), equation 9.

    Attributes:
        candidate: The candidate's kernel, recurrent kernel and bias.
        activation: A key of `functions.ACTIVATIONS`.
    """

    kind: ClassVar[str] = "MGU"
    article: ClassVar[str] = "an"

    forget: Gate
    candidate: Gate
    activation: str = "TANH"

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """(h,) to (h',)."""
        (h,) = states
        f = m.let("f", m.activation("SIGMOID", self.forget.over(m, "f", x, h)), "forget gate")
        kept: V = f * h
        z = self.candidate.over(m, "h", x, kept)
        n = m.let("h̃", m.activation(self.activation, z), "candidate")
        return (m.new(0, "h", (m.one - f) * h + f * n, "new state"),)

    @classmethod
    def unknown(cls) -> Iterator[Self]:
        """Its only form."""
        yield cls(Gate.unknown(), Gate.unknown(), activation(ANY_ACTIVATION))

    @property
    def features(self) -> int:
        """F."""
        return int(self.forget.kernel.shape[1])

    @property
    def states(self) -> tuple[int]:
        """(U,): the width of h."""
        return (int(self.forget.kernel.shape[0]),)
