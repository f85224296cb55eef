"""A cell's own equations are that cell; equations that differ say where."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.gru import Gru
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.cells.unify import unify
from rnnlite_pipeline.recognise.loop.loop import State, Unrecognised
from tests.recognise.loops import X, of, state, written
from tests.recognise.strategies import lstm, simple_rnn

CELLS: list[NamedCell] = [
    lstm(0),
    lstm(1, coupled=True),
    lstm(2, peephole=True, cell_clip=0.5),
    lstm(3, outputs=2, projection_bias=True, projection_clip=0.25),
    lstm(4, activation="RELU"),
    simple_rnn(5),
    simple_rnn(6, activation="RELU6"),
]


def same(found: NamedCell, cell: NamedCell) -> None:
    """Both cells take one step alike."""
    random = np.random.default_rng(0)
    x = random.normal(size=(4, cell.features))
    states = [random.normal(size=(4, width)) for width in cell.states]
    for one, other in zip(found.step(x, states), cell.step(x, states), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_its_own_equations_are_the_cell(cell: NamedCell) -> None:
    """With its states in the cell's order, whatever order the loop has them in."""
    states = written(cell)
    for order in (states, states[::-1]):
        found, ordered, inputs = unify(type(cell), *of(*order, features=cell.features))
        assert list(ordered) == states
        assert inputs.features == cell.features
        assert type(found) is type(cell)
        same(found, cell)


def changed(cell: NamedCell, k: int, equation: Form) -> list[State]:
    """The cell with another equation for state k."""
    states = written(cell)
    return [*states[:k], state(k, equation), *states[k + 1 :]]


def refused(kind: type[NamedCell], states: list[State]) -> str:
    """Why the states are no cell of this kind."""
    with pytest.raises(Unrecognised) as problem:
        unify(kind, *of(*states))
    return str(problem.value)


def test_the_part_that_differs_is_named() -> None:
    """The gate that is missing, and the constant too many."""
    cell = lstm(0)
    c = written(cell)[1].equation
    old, ones = forms.symbol(Before(1), 3), forms.constant(np.ones(3))
    assert "forget gate is 1" in refused(Lstm, changed(cell, 1, c + old - _forget(c, old)))
    assert "has a constant added to it" in refused(Lstm, changed(cell, 1, c + ones))
    assert "tanh(h')" in refused(
        Lstm, changed(cell, 0, forms.apply("TANH", forms.symbol(After(1), 3)))
    )


def _forget(c: Form, old: Form) -> Form:
    """The term f*c of a cell state."""
    (key,) = {s.key for s in old.symbols()}
    terms = [t for t in c.terms.values() if key in {f.key for f in getattr(t[0], "factors", ())}]
    return forms.form(terms, np.zeros(3))


def test_another_number_of_states_is_another_cell() -> None:
    """Before anything is tried."""
    assert refused(Lstm, written(simple_rnn())) == "it carries 1 states that depend on each other"


def test_a_new_state_is_not_read_before_it_is_computed() -> None:
    """The new h in the equation of c would be a circle."""
    cell = lstm(0)
    c = written(cell)[1].equation
    assert "comes after it" in refused(Lstm, changed(cell, 1, c + forms.symbol(After(0), 3)))


def test_a_simple_rnn_with_a_function_of_its_state_is_told_by_its_equation() -> None:
    """The reason shows what the new state is."""
    h = forms.symbol(Before(0), 3)
    inner = forms.apply("TANH", h) @ np.eye(3)[::-1] + forms.symbol(X, 2) @ np.ones((2, 3))
    reason = refused(SimpleRnn, [state(0, forms.apply("TANH", inner))])
    assert "h' = tanh(" in reason


def test_a_gate_of_another_width_is_refused() -> None:
    """A GRU whose update gate is one column for all is no GRU."""
    random = np.random.default_rng(0)
    gate = Gate(random.normal(size=(3, 2)), random.normal(size=(3, 3)), np.zeros(3))
    h, x = forms.symbol(Before(0), 3), forms.symbol(X, 2)
    n = forms.apply("TANH", x @ gate.kernel.T + h @ gate.recurrent.T)
    z = forms.apply("LOGISTIC", x @ gate.kernel[:1].T + h @ gate.recurrent[:1].T)
    assert refused(Gru, [state(0, h + z * (n - h))])
