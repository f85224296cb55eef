"""Forms as the text of a reason."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.patterns import Function, Pattern, Patterns, Unknown, read
from rnnlite_pipeline.algebra.text import LONGEST, described, render
from rnnlite_pipeline.cells.symbols import after, before

X, H = forms.symbol("x", 2), forms.symbol(before(0), 2)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (X, "x"),
        (H, "h"),
        (forms.symbol(after(0), 2), "h'"),
        (forms.symbol("mask", 2), "mask"),
        (X.scaled(np.array([2.5, 2.5])), "2.5*x"),
        (X.scaled(np.array([2.0, 3.0])), "w*x"),
        (X @ np.ones((2, 2)), "W*x"),
        (X + H, "x + h"),
        (X + forms.constant(np.array([1.0, 2.0])), "x + b"),
        (X + forms.constant(np.array([0.5, 0.5])), "x + 0.5"),
        (forms.constant(np.zeros(2)), "0"),
        (forms.apply("LOGISTIC", X), "sigmoid(x)"),
        (forms.apply("SELECT_V2", X, H, X), "select(x, h, x)"),
    ],
)
def test_each_part_of_a_form(form: Form, text: str) -> None:
    """Matrices are W, diagonals w, one number is itself, and functions have their usual names."""
    assert render(form) == text


def test_products_stand_side_by_side() -> None:
    """A product of factors is written with stars."""
    assert render(X * H) in ("x*h", "h*x")
    assert render(X * H.scaled(np.array([-1.0]))) in ("-1*x*h", "-1*h*x")


def test_what_is_deep_is_left_out() -> None:
    """A reason stays one line: functions are written to a depth, and dots stand below it."""
    value = X
    for _ in range(4):
        value = forms.apply("TANH", value)
    assert render(value) == "tanh(tanh(tanh(...)))"
    assert render(value, 0) == "tanh(...)"


def test_patterns_are_written_as_the_cell_s_author_writes_them() -> None:
    """Sums with their signs, named gates by name, functions by their kind; biases are left out."""
    m = Patterns()
    c, x = read(1, "c"), read(None, "x")
    f = m.let("f", m.activation("SIGMOID", m.times(x, Unknown(), "W")), "forget gate")
    assert described(f * c + (m.one - f) * x) == "f*c + x - f*x"
    assert described(m.one - f * c) == "1 - f*c"
    assert described(m.one - m.one - f) == "1 - 1 - f"
    assert described(Pattern(((-1.0, f.terms[0][1]),)) + c) == "-f + c"
    z = m.shifted(m.times(x, Unknown(), "W") + m.scaled(c, Unknown(), "p"), Unknown(), "b")
    assert described(z) == "x + c"
    assert described(m.normalized(z, Unknown(), "n")) == "x + c"
    assert described(m.activation(Unknown(), m.clip(c, Unknown()))) == "activation(c)"


@pytest.mark.parametrize(
    ("function", "text"), [("SIGMOID", "a sigmoid"), (Unknown(), "a known activation")]
)
def test_a_function_by_its_kind(function: str | Unknown, text: str) -> None:
    """With an article."""
    assert described(Function(function, read(0, "h"))) == text
    assert described(Function(function, read(0, "h")), "no") == text.replace("a ", "no ", 1)


def test_what_is_long_is_nested_less_and_then_cut() -> None:
    """A reason stays one line: of a step of many products, too, whatever it is made of."""
    deep, wide = X, X
    for k in range(12):
        gate = forms.apply("LOGISTIC", deep @ (np.eye(2) * (k + 2.0)))
        deep = forms.apply("TANH", deep + gate) * gate + deep
        wide = wide + forms.apply("LOGISTIC", X.scaled(np.array([k, k + 1.0]))) * H
    for form in (deep, wide):
        assert len(render(form)) <= LONGEST + len(" + ...")
        assert render(form).count("(") == render(form).count(")")
    assert render(wide).endswith(" + ...")
