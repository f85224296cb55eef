"""Two directions of one input become one op, where one op can run both."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from rnnlite_pipeline.passes.group_bidirectional import group_bidirectional
from tests.lower.cases import random_lstm, random_rnn
from tests.passes.sequences import (
    CELL,
    OTHER,
    SWAP,
    Graph,
    bidirectional,
    changed_alike,
)

RNG = np.random.default_rng(0)


def test_group_joins_both_directions() -> None:
    """Forward and backward of one x become one op, whatever the merge."""
    graph = Graph()
    forward, backward = bidirectional(graph)
    model = graph.model(
        graph.binary("MUL", forward, backward), graph.binary("ADD", forward, backward)
    )
    fold_reverse(model)
    left = changed_alike(model, group_bidirectional)
    assert (left[BIDIRECTIONAL], left[RECURRENCE]) == (1, 0)


@pytest.mark.parametrize(
    "cells",
    [
        (CELL, random_lstm(RNG, 3, 5)),
        (CELL, random_rnn(RNG, 3, 4)),
        (CELL, random_lstm(RNG, 3, 4, activation="RELU")),
        (CELL, random_lstm(RNG, 3, 4, coupled=True)),
        (CELL, random_lstm(RNG, 3, 4, peephole=True)),
        (CELL, random_lstm(RNG, 3, 4, cell_clip=1.0)),
        (random_lstm(RNG, 3, 4, layer_norm=True), random_lstm(RNG, 3, 4, layer_norm=True)),
    ],
)
def test_group_leaves_what_one_op_cannot_run(cells: tuple[object, object]) -> None:
    """Other widths, kinds, activations, variants and clips, and layer norm, stay two ops."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    ys = [
        graph.recurrence(x, cell, reverse=reverse)[0]  # type: ignore[arg-type]
        for cell, reverse in zip(cells, (False, True), strict=True)
    ]
    assert not group_bidirectional(graph.model(*ys))


def test_group_leaves_an_encoder_and_its_reader() -> None:
    """A backward layer that starts from the forward one's states cannot run beside it."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    _, h, c = graph.recurrence(x, CELL)
    c = graph.unary("TANH", c)
    y = graph.recurrence(x, OTHER, reverse=True)[0]
    graph.ops[-1].inputs[1:] = [h, c]
    assert not group_bidirectional(graph.model(y))


def test_group_moves_what_reads_the_first_behind_the_pair() -> None:
    """An op between the two that reads the first one's output still finds it."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    first = graph.unary("NEG", graph.recurrence(x, CELL, reverse=True)[0])
    second = graph.recurrence(x, OTHER)[0]
    assert changed_alike(graph.model(first, second), group_bidirectional)[BIDIRECTIONAL] == 1
