"""A WHILE loop as equations: what counts, what stays, what is a state, what is a list.

A `Loop` holds the equations of one step over symbols, the sequences it reads and the
lists it writes, each with the order of its steps, and how many steps there are.

    Item     the step of the sequence in a loop variable (symbolic/values.py)
    Kept     what a loop variable holds in every step
    Counter  the counter in a loop variable (shapes/linear.py)
    Before   the state in a loop variable before the step (cells/symbols.py)
    After    the same state after the step

A state's new value is a symbol as soon as it is known, and its equation is kept aside: so
later equations refer to "the new c" rather than to how it came about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from rnnlite_pipeline.algebra.atoms import Numbered, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise.symbolic.values import Value
from rnnlite_pipeline.shapes.linear import Linear


class Kept(Numbered):
    """What a loop variable holds in every step."""

    LETTER: ClassVar[str] = "k"


class Unrecognised(Exception):
    """A loop or cell that is not read; the message says why in the user's terms."""


#: The symbol for the number of the step, from 0.
STEP = "step"


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


@dataclass(frozen=True, eq=False)
class Reading:
    """A sequence as the loop reads it.

    Attributes:
        tensor: [T, B, F], or [B, T, F] where `axis` is 1; without F where a step is one number.
        axis: The axis of time.
        index: The position read in a step, linear in `STEP`.
    """

    tensor: Tensor
    axis: int
    index: Linear


@dataclass(frozen=True, eq=False)
class Writing:
    """A list as the loop writes it.

    Attributes:
        item: The item of each step.
        index: Its position, linear in `STEP`.
        grows: Whether the list becomes as long as its last position asks for.
    """

    item: Value
    index: Linear
    grows: bool = False


@dataclass(eq=False)
class Loop:
    """A loop as equations.

    Attributes:
        op: The WHILE op.
        steps: How often the body runs.
        states: The states in the order of the loop's variables.
        readings: The sequences by symbol name.
        writings: What is written, by list variable.
        counters: Each counter's value as a linear form in `STEP`, by variable.
        kept: The variables the loop passes on unchanged.
        lengths: [B], where the loop stops after the longest of these rather than after `steps`.
    """

    op: Op
    steps: Linear
    states: list[State] = field(default_factory=list)
    readings: dict[str, Reading] = field(default_factory=dict)
    writings: dict[int, Writing] = field(default_factory=dict)
    counters: dict[int, Linear] = field(default_factory=dict)
    kept: set[int] = field(default_factory=set)
    lengths: Tensor | None = None

    def cuts(self, symbol: Symbol) -> Iterator[int]:
        """The columns inside a symbol where one state ends and the next begins."""
        for state in self.states:
            if symbol.name in (state.before.name, state.after.name):
                yield from (c for c in (state.start, state.stop) if symbol.start < c < symbol.stop)

    def is_mask(self, symbol: Symbol) -> bool:
        """Whether the symbol is a step of a sequence of truth values."""
        reading = self.readings.get(symbol.name)
        return reading is not None and reading.tensor.dtype == "BOOL"

    def whole(self, symbol: Symbol) -> Symbol:
        """All of the quantity a symbol is a part of: an input's features, or one state."""
        if symbol.name in self.readings:
            features = (self.readings[symbol.name].tensor.shape or ())[2:]
            return Symbol(symbol.name, 0, features[0] if features else 1)
        if isinstance(symbol.name, Kept):
            tensor = self.op.inputs[symbol.name.number]
            shape = (tensor.shape if tensor else None) or ()
            return Symbol(symbol.name, 0, shape[-1] if len(shape) > 1 else 1)
        for state in self.states:
            for side in (state.before, state.after):
                if side.name == symbol.name and side.start <= symbol.start < side.stop:
                    return side
        return symbol
