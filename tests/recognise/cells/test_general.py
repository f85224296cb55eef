"""A system as equations over the features it reads, and what it is called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.symbols import INPUT, After, Before
from rnnlite_pipeline.recognise.cells.general import as_mask, general, kind
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.loop.masks import MASKED
from tests.recognise.loops import M, X, loop, of, state, written
from tests.recognise.strategies import lstm, simple_rnn
from tests.recognise.tensors import tensor

H, C = (forms.symbol(Before(k), 2) for k in range(2))
LATER = [forms.symbol(After(k), 2) for k in range(2)]
INPUTS = forms.symbol(X, 2)
MASK = forms.symbol(M, 1)


def test_the_equations_are_over_the_features_and_states_of_the_cell() -> None:
    """Variables are renamed: the states in the order given, the features side by side."""
    h, c = state(0, LATER[1] * MASK), state(1, C * INPUTS + H)
    around, system = of(c, h)
    cell, inputs = general(around, system, [c], "no name")
    assert cell.states == (2, 2)
    assert inputs.features == cell.features == 3
    random = np.random.default_rng(0)
    x, old_c, old_h = (random.normal(size=(4, n)) for n in (3, 2, 2))
    columns = {key: start for key, (_, start) in inputs.entries.items()}
    features = x[:, columns["x8[0:2]"] :][:, :2]
    new_c, new_h = cell.step(x, [old_c, old_h])
    np.testing.assert_allclose(new_c, old_c * features + old_h)
    mask = x[:, columns["x9[0:1]"] :][:, :1]
    np.testing.assert_allclose(new_h, new_c * mask)
    assert cell.order.index(0) < cell.order.index(1)
    assert cell.reason == "no name"


def test_what_is_put_out_of_two_states_stands_in_front() -> None:
    """The cell gets a state that holds both, and their own after it."""
    h, c = state(0, H * INPUTS), state(1, C + LATER[0])
    around, system = of(h, c)
    cell, _ = general(around, system, [h, c], "")
    assert cell.states == (4, 2, 2)
    x, old = np.ones((1, 2)) * 2, [np.zeros((1, 4)), np.ones((1, 2)), np.ones((1, 2)) * 5]
    together, new_h, new_c = cell.step(x, old)
    np.testing.assert_array_equal(together, np.concatenate([new_h, new_c], 1))
    assert new_c.tolist() == [[7, 7]]


def test_new_states_that_read_each_other_are_refused() -> None:
    """There is no order to compute them in."""
    around, system = of(state(0, LATER[1] + H), state(1, LATER[0] + C))
    with pytest.raises(Unrecognised, match="in a circle"):
        general(around, system, [system.states[0]], "")


def test_a_sequence_of_truths_is_compared() -> None:
    """A BOOL mask is 0 or 1 among the features, and a truth in the equations."""
    mask = forms.widened(MASK, 2)
    held = state(0, forms.apply("SELECT_V2", mask, INPUTS, H))
    around, system = of(held)
    around.readings[M] = replace(around.readings[M], tensor=tensor(5, 2, dtype="BOOL"))
    cell, _ = general(around, system, [held], "")
    assert "not_equal" in render(cell.updates[0], 3)
    assert cell.kind == "masked cell"
    assert cell.reason == MASKED
    assert render(as_mask(forms.symbol(INPUT, 1))) == "not_equal(x, 0)"


def test_a_system_has_the_name_of_its_cell() -> None:
    """Where it is none, by the number of its states; under a mask, of what is masked."""
    around, system = of(*written(lstm()))
    assert kind(around, system) == "LSTM"
    rnn = written(simple_rnn(units=2))
    assert kind(*of(*rnn)) == "SimpleRNN"
    masked = state(0, forms.apply("SELECT_V2", forms.widened(MASK, 2), rnn[0].equation, H))
    assert kind(*of(masked)) == "masked SimpleRNN"
    two = of(state(0, H * C), state(1, H + C))
    assert kind(*two) == "LSTM variant"
    assert kind(*of(state(0, H * INPUTS))) == "RNN variant"
    third = forms.symbol(Before(2), 2)
    assert kind(*of(state(0, H * C), state(1, H + third), state(2, third * H))) == "cell"
    assert kind(loop(*rnn), of(*rnn)[1]) == "SimpleRNN"
