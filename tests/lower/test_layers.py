"""The direction of a layer over the model's own sequence."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.lower.layers import Layer
from tests.recognise.strategies import simple_rnn


@pytest.mark.parametrize(
    ("reverse", "turned", "direction"),
    [
        (False, False, "forward"),
        (True, False, "backward"),
        (False, True, "backward"),
        (True, True, "forward"),
    ],
)
def test_a_reversal_in_the_graph_turns_the_direction(
    reverse: bool, turned: bool, direction: str
) -> None:
    """A recurrence in reverse over a reversed sequence goes forward over the model's own."""
    recurrence = Recurrence("layer", simple_rnn(), reverse)
    assert Layer("layer", recurrence, "WHILE", reads_reversed=turned).direction == direction
