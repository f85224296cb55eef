"""One state of a loop."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import After, Before


@dataclass(frozen=True, eq=False)
class State:
    """One state of a loop: some columns of a loop variable.

    Attributes:
        variable: The loop variable's position.
        start: The first column.
        stop: The column after the last.
        equation: Its value after a step.
    """

    variable: int
    start: int
    stop: int
    equation: Form

    @property
    def before(self) -> Symbol:
        """The symbol for its value before the step."""
        return Symbol(Before(self.variable), self.start, self.stop)

    @property
    def after(self) -> Symbol:
        """The symbol for its value after the step."""
        return Symbol(After(self.variable), self.start, self.stop)
