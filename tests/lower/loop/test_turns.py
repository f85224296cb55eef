"""How many steps a turn of a loop runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.loop.turns import CACHE, MOST, WHOLE, steps_a_turn


@pytest.mark.parametrize(
    ("steps", "weights", "past_the_end", "result"),
    [
        (24, 0, False, MOST),
        (24, CACHE // 2, False, 2),
        (24, CACHE, False, 1),
        (24, 2 * CACHE, True, 1),
        (9, 0, False, 3),
        (7, 0, False, 1),
        (7, 0, True, 3),
        (3, 0, True, 1),
        (1, 0, True, 1),
    ],
)
def test_steps_of_a_turn(steps: int, weights: int, past_the_end: bool, result: int) -> None:
    """As many as divide the length, where the last turn may not run past the end."""
    assert steps_a_turn(steps, weights, past_the_end=past_the_end) == result


@pytest.mark.parametrize(
    ("weights", "result"), [(0, MOST), (CACHE // 3, 2), (CACHE // 2, 2), (CACHE, 1)]
)
def test_steps_of_a_turn_of_an_open_length(weights: int, result: int) -> None:
    """As many as divide the part of it that is run in turns of several."""
    assert steps_a_turn(Tensor("n", "INT32", ()), weights, past_the_end=True) == result
    assert WHOLE % result == 0


@given(st.integers(1, 200), st.integers(0, 2 * CACHE), st.booleans())
def test_a_loop_has_two_turns_at_least(steps: int, weights: int, past_the_end: bool) -> None:
    """And the copies of its weights fit into the cache."""
    found = steps_a_turn(steps, weights, past_the_end=past_the_end)
    assert 1 <= found <= MOST
    assert found == 1 or (steps >= 2 * found and found * weights <= CACHE)
    assert past_the_end or steps % found == 0
