"""A step over forms is the step over numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.algebra import Algebra
from rnnlite_pipeline.algebra.functions import ACTIVATIONS
from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.cells.equations import evaluate
from rnnlite_pipeline.cells.forms import Forms
from rnnlite_pipeline.cells.symbols import after

RNG = np.random.default_rng(0)
VALUES = {"x": RNG.normal(size=(5, 3)), "h": RNG.normal(size=(5, 3))}
MATRIX, ROW = RNG.normal(size=(2, 3)), RNG.normal(size=3)

#: One expression for each operation of the algebra, over x and h.
OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "one": lambda m, x, h: (m.one - x) * h,
    "times": lambda m, x, h: m.times(x + h, MATRIX, "W"),
    "scaled": lambda m, x, h: m.scaled(x * h, ROW, "p"),
    "shifted": lambda m, x, h: m.shifted(x - h, ROW, "b"),
    "normalized": lambda m, x, h: m.normalized(x + h, ROW, "l"),
    "clip": lambda m, x, h: m.clip(x * h, 0.25),
    "no clip": lambda m, x, h: m.clip(x * h, 0.0),
    "let": lambda m, x, _: m.let("i", x, "input gate"),
}
OPERATIONS |= {
    name: (lambda m, x, h, name=name: m.activation(name, x - h))  # type: ignore[misc]
    for name in ACTIVATIONS
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_has_the_numbers_of_the_specification(operation: str) -> None:
    """What a form of it evaluates to is what it is on arrays."""
    over: Algebra[Any] = Forms()
    write = OPERATIONS[operation]
    form = write(over, forms.symbol("x", 3), forms.symbol("h", 3))
    want = write(Numbers(), VALUES["x"], VALUES["h"])
    np.testing.assert_allclose(evaluate(form, VALUES), want, atol=1e-12)


def test_the_linear_activation_is_no_function() -> None:
    """So a linear cell stays affine."""
    x = forms.symbol("x", 3)
    assert Forms().activation("NONE", x) is x


def test_what_is_normalized_stays_one_atom() -> None:
    """The deviation of large numbers is not multiplied out, where it would cancel."""
    form = Forms().normalized(forms.symbol("x", 3) + forms.symbol("h", 3), np.ones(3), "l")
    large = {"x": VALUES["x"] + 1e8, "h": np.zeros((5, 3))}
    want = Numbers().normalized(large["x"], np.ones(3), "l")
    np.testing.assert_allclose(evaluate(form, large), want, rtol=1e-6)


def test_a_new_state_is_read_as_its_symbol() -> None:
    """What follows in the step reads the state after it; updates stand in the order of the step."""
    over = Forms()
    c = over.new(1, "c", forms.symbol("x", 3), "cell state")
    h = over.new(0, "h", over.activation("TANH", c), "new state")
    assert [s.name for s in c.symbols()] == [after(1)]
    assert [s.name for s in h.symbols()] == [after(0)]
    assert list(over.updates) == [1, 0]
    assert [s.name for s in over.updates[0].symbols()] == [after(1)]
