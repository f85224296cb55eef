"""A cell given only by its equations: one without a fused op, or without a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.functions import FUNCTIONS
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.field_names import field_names
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.cells.text import text_of

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Equations(Cell):
    """A cell by its equations.

    Attributes:
        kind: The cell's name as its author knows it, such as "GRU"; "cell" where it has none.
        features: F.
        states: The width of each state; the first is what the cell puts out.
        updates: The new value of each state, a form over `INPUT`, `before(k)` and `after(j)`.
        order: The positions of `updates` in an order they can be computed in.
        reason: Why it is no cell that a fused op computes, in the user's terms.
    """

    kind: str
    features: int
    states: tuple[int, ...]
    updates: tuple[Form, ...]
    order: tuple[int, ...]
    reason: str = ""

    @property
    def own_features(self) -> int:
        """F without the columns that are the mask of the step."""
        return self.features - field_names(self).mask

    def equations(self) -> Equations:
        """Itself."""
        return self

    def text(self) -> list[str]:
        """Its equations in an order they can be computed in; each function has a line."""
        return text_of(self)

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """x [B, F] and the states [B, width] before the step, to the states after it."""
        values: dict[str, Array] = {INPUT: x}
        values.update((before(k), s) for k, s in enumerate(states))
        for k in self.order:
            new = evaluate(self.updates[k], values)
            values[after(k)] = np.broadcast_to(new, (x.shape[0], self.states[k]))
        return tuple(values[after(k)] for k in range(len(self.states)))


def evaluate(form: Form, values: dict[str, Array]) -> Array:
    """The form's value [B, width] in float64, given each symbol's [B, whole width]."""
    total: Array = form.bias[None, :].copy()
    for atom, linear in form.terms.values():
        value = _atom(atom, values)
        total = total + (value * linear.values if linear.diagonal else value @ linear.values)
    return total


def _atom(atom: Atom, values: dict[str, Array]) -> Array:
    if isinstance(atom, Symbol):
        return np.asarray(values[atom.name][:, atom.start : atom.stop], np.float64)
    if isinstance(atom, Product):
        first, *rest = (_atom(f, values) for f in atom.factors)
        return reduce(np.multiply, rest, first)
    arguments = [evaluate(a, values) for a in atom.arguments]
    value = FUNCTIONS[atom.function](*arguments, **dict(atom.options))
    return np.asarray(value, np.float64)


def substituted(form: Form, value_of: Callable[[Symbol], Form]) -> Form:
    """The form with every symbol replaced by `value_of(symbol)`, at any depth.

    What several atoms share is replaced once.
    """
    known: dict[str, Form] = {}

    def within(form: Form) -> Form:
        total = forms.constant(form.bias)
        for atom, linear in form.terms.values():
            value = of(atom)
            diagonal = linear.diagonal
            part = value.scaled(linear.values) if diagonal else value @ linear.values
            total = total + part
        return total

    def of(atom: Atom) -> Form:
        if atom.key not in known:
            known[atom.key] = made(atom)
        return known[atom.key]

    def made(atom: Atom) -> Form:
        if isinstance(atom, Symbol):
            return value_of(atom)
        if isinstance(atom, Product):
            first, *rest = map(of, atom.factors)
            for factor in rest:
                first = first * factor
            return first
        arguments = tuple(map(within, atom.arguments))
        return forms.of(Apply(atom.function, arguments, atom.width, atom.options))

    return within(form)
