"""Cells that have a name: each writes its step once, over an algebra."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.forms import symbol
from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.cells.cell import Cell, Equations
from rnnlite_pipeline.cells.forms import Forms
from rnnlite_pipeline.cells.symbols import INPUT, before
from rnnlite_pipeline.cells.text import Names, Text

Array = NDArray[Any]


class NamedCell(Cell):
    """A cell that has a name.

    Attributes:
        kind: The name.
        article: What stands before the name: "an" LSTM.
        letters: What the field calls each state, the output's first: h, c.
    """

    kind: ClassVar[str]
    article: ClassVar[str] = "a"
    letters: ClassVar[tuple[str, ...]] = ("h",)

    @property
    def reason(self) -> str:
        """Why no fused op computes a cell of this kind; empty if one may."""
        return self.why_no_op()

    @classmethod
    def why_no_op(cls) -> str:
        """Why no fused op computes a cell of this kind; empty if one may."""
        return "" if cls.fused else f"the runtime has no fused {cls.kind} op"

    @abstractmethod
    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """One step over any algebra; the new states, each made by `m.new`, the output's first."""

    @classmethod
    @abstractmethod
    def unknown(cls) -> Iterator[Self]:
        """The cell with unknowns in place of weights, one for each form its step can have."""

    def completed(self) -> Self:
        """The finished cell, once recognition has found which optional parts it has."""
        return self

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """x [B, F] and the states [B, width] before the step, to the states after it."""
        return self.over(Numbers(), x, *states)

    def equations(self) -> Equations:
        """The step as equations."""
        forms = Forms()
        states = (symbol(before(k), width) for k, width in enumerate(self.states))
        self.over(forms, symbol(INPUT, self.features), *states)
        updates = tuple(forms.updates[k] for k in range(len(self.states)))
        return Equations(self.kind, self.features, self.states, updates, tuple(forms.updates))

    def text(self) -> list[str]:
        """The step with the names of the field."""
        names = Names()
        self.over(names, Text("x"), *map(Text, self.letters))
        return names.lines
