"""A cell with a name: one writing of its step gives its numbers, its equations and its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.patterns import WEIGHT
from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.cells.named import NamedCell
from tests.cells.on_ops import check_equations


@dataclass(frozen=True, eq=False)
class Leaky(NamedCell):
    """c' = decay * c + kernel x and h' = tanh(c'): its output follows its second state."""

    kind: ClassVar[str] = "Leaky"
    letters: ClassVar[tuple[str, ...]] = ("h", "c")

    kernel: Array
    decay: Array

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """(h, c) to (h', c')."""
        _, c = states
        mixed: V = m.scaled(c, self.decay, "d") + m.times(x, self.kernel, "W")
        new = m.new(1, "c", mixed, "cell state")
        return (m.new(0, "h", m.activation("TANH", new), "output"), new)

    @classmethod
    def unknown(cls) -> Iterator[Self]:
        """In its one form."""
        yield cls(WEIGHT(), WEIGHT())

    @property
    def features(self) -> int:
        """F."""
        return int(self.kernel.shape[1])

    @property
    def states(self) -> tuple[int, int]:
        """(U, U)."""
        return (int(self.kernel.shape[0]),) * 2


class Fused(Leaky):
    """One that the runtime has an op for."""

    fused: ClassVar[str] = "LEAKY"


CELL = Leaky(np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 1.0]]), np.array([0.5, 0.25]))


def test_the_step_on_numbers() -> None:
    """The new states, the output's first."""
    h, c = CELL.step(np.array([[1.0, 1.0, 1.0]]), [np.zeros((1, 2)), np.array([[2.0, 4.0]])])
    np.testing.assert_array_equal(c, [[4.0, 1.0]])
    np.testing.assert_array_equal(h, np.tanh(c))


def test_its_equations_are_the_step() -> None:
    """They keep the numbers of the states, and the order in which the step computes them."""
    check_equations(CELL)
    equations = CELL.equations()
    assert (equations.kind, equations.features, equations.states) == ("Leaky", 3, (2, 2))
    assert equations.order == (1, 0)


def test_its_text_is_the_step() -> None:
    """A line for each new state, in the order of the step, with the letters of the cell."""
    assert CELL.text() == ["c′ = d ⊙ c + W x", "h′ = tanh(c′)"]


def test_the_reason_is_that_there_is_no_op() -> None:
    """A cell that the runtime has an op for has no reason of its kind."""
    assert CELL.reason == CELL.why_not("fused") == "the runtime has no fused Leaky op"
    assert Fused.why_no_op() == Fused(CELL.kernel, CELL.decay).reason == ""


def test_what_recognition_has_found_is_complete() -> None:
    """A cell without parts to complete stays itself."""
    assert CELL.completed() is CELL
