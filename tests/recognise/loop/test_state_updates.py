"""Equations that refer to each other's new values by name."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.loop.loop import State
from rnnlite_pipeline.recognise.loop.state_updates import StateUpdates
from tests.recognise.loops import X, state

A, B = (forms.symbol(Before(k), 2) for k in range(2))
NEW_A, NEW_B = (forms.symbol(After(k), 2) for k in range(2))
INPUT = forms.symbol(X, 2)
TANH = forms.apply("TANH", INPUT @ np.ones((2, 2)) + A)


def referring(*equations: Form) -> list[Form]:
    """The equations, each in terms of the others' new values."""
    values: list[tuple[State, Form]] = [(state(k, e), e) for k, e in enumerate(equations)]
    return [s.equation for s in StateUpdates.of(values).equations(values)]


def test_a_new_value_stands_for_itself_elsewhere() -> None:
    """As a whole, inside a function, and as a factor of a product."""
    for around, expected in (
        (TANH + INPUT, NEW_A + INPUT),
        (forms.apply("LOGISTIC", TANH), forms.apply("LOGISTIC", NEW_A)),
        (TANH @ np.eye(2)[::-1], NEW_A @ np.eye(2)[::-1]),
        (TANH.scaled(np.array([2.0, 3.0])), NEW_A.scaled(np.array([2.0, 3.0]))),
        (forms.apply("TANH", TANH) * B, forms.apply("TANH", NEW_A) * B),
    ):
        own, other = referring(TANH, around)
        assert own.key == TANH.key
        assert other.key == expected.key


def test_a_sum_is_found_under_one_map_only() -> None:
    """x*y + tanh x: both terms doubled are two of it, one of them doubled is none."""
    value = INPUT * A + forms.apply("TANH", INPUT)
    twice = value.scaled(np.array([2.0]))
    assert referring(value, twice + B)[1].key == (NEW_A.scaled(np.array([2.0])) + B).key
    half = INPUT * A + forms.apply("TANH", INPUT).scaled(np.array([2.0]))
    assert referring(value, half)[1].key == half.key


def test_a_value_with_a_constant_is_not_looked_for() -> None:
    """Its constant could not be told from another one."""
    value = TANH + forms.constant(np.ones(2))
    assert referring(value, value + B)[1].key == (value + B).key


def test_a_sum_of_symbols_is_not_looked_for() -> None:
    """x + h stands in many a sum that has nothing to do with the state."""
    assert referring(INPUT + A, INPUT + A + B)[1].key == (INPUT + A + B).key


def test_of_two_states_with_one_value_the_one_that_is_read_has_it() -> None:
    """The other only carries it, whichever comes first."""
    read = forms.apply("TANH", INPUT + B)
    carried, own = referring(read, read)
    assert render(own) == render(read)
    assert carried.key == NEW_B.key
    updates = StateUpdates.of([(state(k, read), read) for k in range(2)])
    assert updates.referring(read + INPUT).key == (NEW_B + INPUT).key
