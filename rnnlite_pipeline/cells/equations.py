"""What the equations of a step give, and equations with others in the place of their symbols."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.functions import FUNCTIONS

Array = NDArray[Any]


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
