"""The specification of every lowering, against the equations written out unit by unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import Recurrence
from tests.recognise.strategies import lstm, simple_rnn

Array = NDArray[Any]


def random_x(features: int = 2, steps: int = 5, batch: int = 3) -> Array:
    """A random sequence [T, B, F]."""
    return np.random.default_rng(5).normal(0.0, 1.5, (steps, batch, features))


def test_reverse_is_aligned_with_time() -> None:
    """A reverse recurrence gives at step t what it puts out on reading x[t]."""
    cell, x = lstm(1), random_x()
    y, *finals = Recurrence("", cell, reverse=True).run(x)
    turned, *expected = Recurrence("", cell).run(x[::-1])
    np.testing.assert_array_equal(y, turned[::-1])
    np.testing.assert_array_equal(finals, expected)
    np.testing.assert_array_equal(finals[0], y[0])


@pytest.mark.parametrize("reverse", [False, True])
def test_layout(reverse: bool) -> None:
    """Batch-major and time-major differ in the layout of x and y alone."""
    cell, x = lstm(1), random_x()
    y, *finals = Recurrence("", cell, reverse, time_major=True).run(x)
    other, *same = Recurrence("", cell, reverse, time_major=False).run(x.swapaxes(0, 1))
    np.testing.assert_array_equal(other, y.swapaxes(0, 1))
    np.testing.assert_array_equal(same, finals)


def test_states_go_on() -> None:
    """Two halves, the second from the first's final states, are the whole."""
    cell, x = lstm(1, outputs=2), random_x()
    whole, *finals = Recurrence("", cell).run(x)
    first, *between = Recurrence("", cell).run(x[:2])
    second, *last = Recurrence("", cell).run(x[2:], between)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    for a, b in zip(last, finals, strict=True):
        np.testing.assert_array_equal(a, b)


def test_missing_initial_states_are_zeros() -> None:
    """A state that is None or left out starts from zeros."""
    recurrence, x = Recurrence("", lstm(1)), random_x()
    zeros, c = np.zeros((3, 3)), np.full((3, 3), 0.5)
    np.testing.assert_array_equal(recurrence.run(x)[0], recurrence.run(x, [zeros, zeros])[0])
    np.testing.assert_array_equal(recurrence.run(x, [None, c])[0], recurrence.run(x, [zeros, c])[0])
    assert not np.array_equal(recurrence.run(x, [None, c])[0], recurrence.run(x)[0])


def test_widths() -> None:
    """A cell names its features and the widths of its states, the output's first."""
    assert lstm(features=2, units=3, outputs=4).states == (4, 3)
    assert lstm(features=2, units=3).states == (3, 3)
    assert simple_rnn(features=2, units=3).states == (3,)
    assert lstm(features=2).features == simple_rnn(features=2).features == 2
