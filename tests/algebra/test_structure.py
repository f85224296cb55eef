"""Structures of forms: their equations without the numbers."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.algebra.structure import structure
from tests.lower.cases import random_lstm
from tests.lower.loop_cases import gru, hard_lstm, masked


def test_other_weights_are_one_structure() -> None:
    """Cells that differ in their numbers alone have one structure, masked or not."""
    for write in (gru, hard_lstm, random_lstm):
        one, two = (write(np.random.default_rng(seed), 3, 5).equations() for seed in (0, 1))
        assert structure(one.updates) == structure(two.updates)
        assert structure(masked(one).updates) == structure(masked(two).updates)
        assert structure(masked(one).updates) != structure(one.updates)


def test_other_equations_are_another_structure() -> None:
    """Another width, function, order of operations or sign is another structure."""
    rng = np.random.default_rng(0)
    cells = [
        gru(rng, 3, 5),
        gru(rng, 3, 5, reset_after=False),
        gru(rng, 3, 6),
        gru(rng, 4, 5),
        random_lstm(rng, 3, 5),
        random_lstm(rng, 3, 5, peephole=True),
        hard_lstm(rng, 3, 5),
    ]
    found = [tuple(structure(cell.equations().updates)) for cell in cells]
    assert len(set(found)) == len(found)
