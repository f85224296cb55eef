"""The simple RNN: by hand, its text, and that its loops are read as it."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from tests.cells.on_ops import RNG, SPELLINGS, check_cell, check_equations
from tests.lower.cases import random_rnn
from tests.recognise.spelling import Spelling


def test_simple_rnn_by_hand() -> None:
    """h' = relu(2 x - h + 1) from h = 0 over 1, -3, 2."""
    one = np.ones((1, 1))
    cell = SimpleRnn(2 * one, -one, np.ones(1), "RELU")
    y, final = Recurrence("", cell).run(np.array([1.0, -3.0, 2.0]).reshape(3, 1, 1))
    assert y.ravel().tolist() == [3.0, 0.0, 5.0]
    assert final.tolist() == [[5.0]]


def test_a_linear_simple_rnn() -> None:
    """The linear activation is no function."""
    cell = SimpleRnn(np.ones((2, 3)), np.ones((2, 2)), np.ones(2), "NONE")
    assert cell.text() == ["h′ = W x + R h + b"]


def test_equations() -> None:
    """The step is the same on numbers and by its equations."""
    check_equations(random_rnn(RNG, 3, 4))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("activation", ["TANH", "RELU", "RELU6", "SIGMOID", "NONE"])
def test_its_loops_are_read(activation: str, spelling: Spelling) -> None:
    """Its loop is read as it, with its weights, and becomes ops that compute what it computes."""
    check_cell(random_rnn(RNG, 3, 4, activation), spelling)
