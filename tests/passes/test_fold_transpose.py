"""Transposes meet, cancel, and stay where moving them would not help."""

from __future__ import annotations

from rnnlite_pipeline.passes.fold_transpose import fold_transpose
from tests.passes.sequences import (
    SWAP,
    Graph,
    changed_alike,
)


def test_fold_transpose_merges_and_cancels() -> None:
    """Two swaps are nothing; two rotations are one TRANSPOSE."""
    graph = Graph()
    swapped = graph.transpose(graph.transpose(graph.unary("NEG", graph.x), SWAP), SWAP)
    rotated = graph.transpose(graph.transpose(swapped, (1, 2, 0)), (1, 2, 0))
    left = changed_alike(graph.model(graph.unary("TANH", swapped), rotated), fold_transpose)
    assert left["TRANSPOSE"] == 1


def test_fold_transpose_sinks_through_a_merge() -> None:
    """The sum or the concatenation of two transposed outputs is transposed once, or not at all."""
    for code in ("ADD", "CONCATENATION"):
        graph = Graph()
        x = graph.unary("NEG", graph.x)
        a, b = (graph.transpose(graph.unary(c, x), SWAP) for c in ("TANH", "RELU"))
        both = graph.binary(code, a, b) if code == "ADD" else graph.concatenate([a, b], 2)
        model = graph.model(graph.unary("NEG", graph.transpose(both, SWAP)))
        assert changed_alike(model, fold_transpose)["TRANSPOSE"] == 0


def test_fold_transpose_stays_where_it_would_not_help() -> None:
    """An input transposed and also used as it is keeps its one TRANSPOSE."""
    graph = Graph()
    y = graph.unary("TANH", graph.transpose(graph.x, SWAP))
    model = graph.model(y)
    assert changed_alike(model, fold_transpose) == {"TRANSPOSE": 1, "TANH": 1}
