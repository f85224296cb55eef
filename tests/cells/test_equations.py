"""A cell by its equations: what it computes, and forms put in the place of its symbols."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.equations import evaluate, substituted
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from tests.algebra.random_forms import VALUES, any_form, evaluated

check = settings(max_examples=20, deadline=None)


def test_states_are_computed_in_the_order_given() -> None:
    """The output is computed from the new cell state, which stands behind it in the list."""
    x, c = forms.symbol(INPUT, 1), forms.symbol(before(1), 1)
    new_output = forms.symbol(after(1), 1).scaled(np.array([10.0]))
    cell = Equations("counter", 1, (1, 1), (new_output, c + x), (1, 0))
    h, new_c = cell.step(np.array([[2.0]]), [np.array([[7.0]]), np.array([[3.0]])])
    assert (h.item(), new_c.item()) == (50.0, 5.0)


def test_a_constant_update_fills_the_batch() -> None:
    """A state that no longer depends on anything has its row for each batch entry."""
    cell = Equations("constant", 1, (2,), (forms.constant(np.array([1.0, 2.0])),), (0,))
    (h,) = cell.step(np.zeros((3, 1)), [np.zeros((3, 2))])
    np.testing.assert_array_equal(h, [[1.0, 2.0]] * 3)


def test_its_equations_are_itself() -> None:
    """It has no other writing."""
    cell = Equations("cell", 1, (1,), (forms.symbol(before(0), 1),), (0,))
    assert cell.equations() is cell


@check
@given(any_form(depth=2))
def test_a_form_is_evaluated_to_its_numbers(value: Form) -> None:
    """The value of a form is the sum of its terms, each through its map, and of the bias."""
    got = np.broadcast_to(evaluate(value, VALUES), (4, value.width))
    np.testing.assert_allclose(got, evaluated(value), rtol=1e-9, atol=1e-9)


@check
@given(any_form(depth=2), any_form(depth=1))
def test_a_form_in_the_place_of_a_symbol(value: Form, inside: Form) -> None:
    """To substitute and then evaluate is to evaluate with the substituted form's numbers."""

    def value_of(symbol: Symbol) -> Form:
        whole = inside if symbol.name == "h" else forms.symbol(symbol.name, len(columns(symbol)))
        return whole.columns(symbol.start, symbol.stop)

    def columns(symbol: Symbol) -> np.ndarray:
        return VALUES[symbol.name].T

    got = np.broadcast_to(evaluate(substituted(value, value_of), VALUES), (4, value.width))
    want = evaluate(value, VALUES | {"h": np.broadcast_to(evaluate(inside, VALUES), (4, 3))})
    np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-7, atol=1e-9)


def test_what_steps_share_is_replaced_once() -> None:
    """A symbol is replaced in a form that reads the step before twice, in each of 60 steps."""
    asked: list[str] = []

    def value_of(symbol: Symbol) -> Form:
        asked.append(symbol.key)
        return forms.symbol("x", 4)

    def deep(value: Form) -> Form:
        for _ in range(60):
            value = forms.of(Apply("MAXIMUM", (value, value.scaled(np.array([-1.0]))), 4))
        return value

    assert substituted(deep(forms.symbol("h", 4)), value_of).key == deep(forms.symbol("x", 4)).key
    assert asked == ["h[0:4]"]
