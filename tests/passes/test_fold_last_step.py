"""The last step of a sequence becomes the final state it is."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.passes.fold_last_step import fold_last_step
from tests.passes.sequences import (
    CELL,
    SWAP,
    Graph,
    changed_alike,
)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_fold_last_step_takes_the_final_state(transposed: bool, reverse: bool) -> None:
    """The step processed last is the final state, in either layout and direction."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    y = graph.recurrence(x, CELL, reverse=reverse)[0]
    y = graph.transpose(y, SWAP) if transposed else y
    model = graph.model(graph.step(y, int(transposed), 0 if reverse else -1))
    assert changed_alike(model, fold_last_step) == {"TRANSPOSE": 1, RECURRENCE: 1}


@pytest.mark.parametrize(("index", "left"), [(4, 0), (-5, 1), (3, 1), (0, 1)])
def test_fold_last_step_counts_where_the_length_is_known(index: int, left: int) -> None:
    """With five steps step 4 is the last, and no other is."""
    graph = Graph(steps=5)
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    model = graph.model(graph.step(y, 0, index))
    assert changed_alike(model, fold_last_step)["STRIDED_SLICE"] == left


def test_fold_last_step_does_not_guess_an_open_length() -> None:
    """Step 4 of an open length may be any step."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    assert changed_alike(graph.model(graph.step(y, 0, 4)), fold_last_step)["STRIDED_SLICE"] == 1


def test_fold_last_step_sees_through_a_list_of_one() -> None:
    """The one step of an expanded final state is that state."""
    graph = Graph()
    final = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[1]
    model = graph.model(graph.step(graph.expand_dims(final, 0), 0, -1))
    assert changed_alike(model, fold_last_step) == {"TRANSPOSE": 1, RECURRENCE: 1}


def test_fold_last_step_keeps_two_outputs_two() -> None:
    """A last step returned beside the final state stays a tensor of its own."""
    graph = Graph()
    y, final, _ = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)
    model = graph.model(graph.step(y, 0, -1), final)
    changed_alike(model, fold_last_step)
    assert len(set(model.main.outputs)) == 2
