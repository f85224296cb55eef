"""Reversals of a sequence become the direction of a recurrence."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from tests.passes.sequences import (
    CELL,
    SWAP,
    Graph,
    bidirectional,
    changed_alike,
)


def test_fold_reverse_makes_the_backward_layer_a_reverse_recurrence() -> None:
    """Both reversals of a backward layer go, through the transpose between them."""
    graph = Graph()
    left = changed_alike(graph.model(*bidirectional(graph)), fold_reverse)
    assert left["REVERSE_V2"] == 0


def test_fold_reverse_keeps_running_order_where_it_is_used() -> None:
    """go_backwards without a second reversal: y is used as it ran, and reversed once."""
    graph = Graph()
    x = graph.reverse(graph.transpose(graph.x, SWAP), 0)
    y = graph.recurrence(x, CELL)[0]
    model = graph.model(graph.transpose(y, SWAP), graph.reverse(y, 0))
    assert changed_alike(model, fold_reverse)["REVERSE_V2"] == 1
    (op,) = (op for op in model.ops() if op.code == RECURRENCE)
    assert op.options["recurrence"].reverse


@pytest.mark.parametrize("index", [0, 2, -1, -3])
def test_fold_reverse_turns_steps(index: int) -> None:
    """Step k of a reversed sequence is step -1 - k of the sequence."""
    graph = Graph()
    reversed_ = graph.reverse(graph.transpose(graph.x, SWAP), 0)
    assert changed_alike(graph.model(graph.step(reversed_, 0, index)), fold_reverse) == {
        "TRANSPOSE": 1,
        "STRIDED_SLICE": 1,
    }


def test_fold_reverse_leaves_other_axes_alone() -> None:
    """A reversal of the features is not one of time."""
    graph = Graph()
    y = graph.recurrence(graph.reverse(graph.transpose(graph.x, SWAP), 2), CELL)[0]
    assert changed_alike(graph.model(y), fold_reverse)["REVERSE_V2"] == 1
