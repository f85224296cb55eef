"""Steps of cells written as forms, by hand."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import before


def symbol(name: str, width: int, columns: int | None = None) -> Form:
    """The first columns of a quantity."""
    return forms.of(Symbol(name, 0, columns or width))


def gate_of(function: str, *parts: Form, bias: float = 0.0) -> Form:
    """A function of products with the input, the state and whatever else is given."""
    total = symbol("x", 3) @ np.ones((3, 2))
    for part in parts:
        total = total + part
    biased = forms.form(total.terms.values(), np.array([bias, 2 * bias]))
    return forms.of(Apply(function, (biased,), 2))


def gru(function: str = "LOGISTIC", scale: float = 1.0) -> Form:
    """The update of a GRU whose reset gate stands before the product."""
    h, recurrent = symbol(before(0), 2), np.array([[1.0, 2.0], [0.5, 1.0]])
    z = gate_of(function, h @ recurrent, bias=1.0).scaled(np.full(2, scale))
    r = gate_of(function, h @ (2 * recurrent), bias=2.0).scaled(np.full(2, scale))
    candidate = gate_of("TANH", (r * h) @ recurrent)
    return z * h + candidate - z * candidate
