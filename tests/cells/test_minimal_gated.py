"""The minimal gated unit: its equations, its text, and that its loops are read as it."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.minimal_gated import MinimalGated
from tests.cells.on_ops import SPELLINGS, Doubled, check_cell, check_equations, gate, read_as, run
from tests.recognise.spelling import Spelling

CELL = MinimalGated(gate(), gate())


def test_by_hand() -> None:
    """A gate at one half goes half the way from 1 to tanh of half of it."""
    zero = np.zeros((1, 1))
    still, candidate = Gate(zero, zero, np.zeros(1)), Gate(zero, np.ones((1, 1)), np.zeros(1))
    y = run(MinimalGated(still, candidate), np.zeros((1, 1, 1)), np.ones((1, 1)))
    np.testing.assert_allclose(y, [[[0.5 + 0.5 * np.tanh(0.5)]]])


def test_equations() -> None:
    """The step is the same on numbers and by its equations."""
    check_equations(CELL)


def test_text() -> None:
    """It reads as in the paper."""
    assert CELL.text() == [
        "f = σ(W_f x + R_f h + b_f)",
        "h̃ = tanh(W_h x + R_h (f ⊙ h) + b_h)",
        "h′ = (1 − f) ⊙ h + f ⊙ h̃",
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("activation", ["TANH", "ELU"])
def test_its_loops_are_read(spelling: Spelling, activation: str) -> None:
    """Its loop is read as it, with its weights, and becomes ops that compute what it computes."""
    check_cell(MinimalGated(CELL.forget, CELL.candidate, activation), spelling)


def test_no_fused_op_and_no_gru() -> None:
    """It is not called a GRU, and the reason of its loop has its own name."""
    assert read_as(CELL) == ("MGU", "the runtime has no fused MGU op")


def test_a_state_that_is_scaled_is_another_cell() -> None:
    """Where the new state is half of what the equations give, the cell keeps no name."""
    assert read_as(CELL, Doubled)[0] == "RNN variant"
