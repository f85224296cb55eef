"""Random affine forms, and their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.functions import sigmoid

Array = NDArray[Any]

#: How wide each quantity is.
WIDTHS = {"x": 2, "h": 3, "c": 3, "s": 1}

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "LINEAR": lambda z: z,
    "LOGISTIC": sigmoid,
    "TANH": np.tanh,
    "MINIMUM": np.minimum,
    "MEAN": lambda z: z.mean(-1, keepdims=True),
    "SOFTMAX": lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
}

#: A softmax without a scale of its own.
PLAIN = (("beta", 1.0),)


def quantities() -> dict[str, Array]:
    """Four batch entries of each quantity."""
    random = np.random.default_rng(0)
    return {name: random.normal(size=(4, width)) for name, width in WIDTHS.items()}


VALUES = quantities()


def evaluated(value: Form) -> Array:
    """The form's numbers [4, width], term by term."""
    total = np.tile(value.bias, (4, 1))
    for atom, linear in value.terms.values():
        total = total + numbers(atom) @ linear.dense(atom.width)
    return total


def numbers(atom: Atom) -> Array:
    """An atom's numbers [4, width]."""
    if isinstance(atom, Symbol):
        return VALUES[atom.name][:, atom.start : atom.stop]
    if isinstance(atom, Product):
        total = np.ones((4, atom.width))
        for factor in atom.factors:
            total = total * numbers(factor)
        return total
    arguments = [evaluated(a) for a in atom.arguments]
    return np.broadcast_to(FUNCTIONS[atom.function](*arguments), (4, atom.width))


@st.composite
def any_form(draw: st.DrawFn, width: int = 3, depth: int = 3) -> Form:
    """Forms of one width, of every operation."""
    if depth == 0:
        leaf = draw(st.sampled_from(["symbol", "map", "constant", "row"]))
        if leaf == "constant":
            return forms.constant(np.array(draw(few_numbers(width))))
        if leaf == "row" and width == 3:
            return forms.symbol("s", 1) + forms.constant(np.array(draw(few_numbers(3))))
        if leaf == "symbol" and width == 3:
            return forms.symbol(draw(st.sampled_from(["h", "c"])), 3)
        name = draw(st.sampled_from(sorted(WIDTHS)))
        return forms.symbol(name, WIDTHS[name]) @ matrix(draw, WIDTHS[name], width)
    a, b = draw(any_form(width, depth - 1)), draw(any_form(width, depth - 1))
    kind = draw(st.sampled_from(["add", "sub", "mul", "scale", "matrix", "apply", "cut"]))
    if kind == "scale":
        return a.scaled(np.array(draw(few_numbers(width))))
    if kind == "matrix":
        return a @ matrix(draw, width, width)
    if kind == "apply":
        name = draw(st.sampled_from(["LOGISTIC", "TANH", "MINIMUM", "MEAN", "SOFTMAX"]))
        options = PLAIN if name == "SOFTMAX" else ()
        arguments = (a, b) if name == "MINIMUM" else (a,)
        applied = forms.apply(name, *arguments, options=options)
        return forms.widened(applied, width)
    if kind == "cut":
        start = draw(st.integers(0, width))
        return forms.concatenated([a, b]).columns(start, start + width)
    return {"add": a + b, "sub": a - b, "mul": a * b}[kind]


def few_numbers(count: int) -> st.SearchStrategy[list[float]]:
    """Lists of this length, of few different numbers."""
    few = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0])
    return st.lists(few, min_size=count, max_size=count)


def matrix(draw: st.DrawFn, rows: int, columns: int) -> Array:
    """A small matrix of few numbers."""
    return np.array(draw(few_numbers(rows * columns))).reshape(rows, columns)
