"""The layout that recurrences run in."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from rnnlite_pipeline.passes.layout import layout
from tests.lower.cases import random_rnn
from tests.passes.sequences import (
    CELL,
    SWAP,
    Graph,
    Settings,
    bidirectional,
    changed_alike,
    run_passes,
)

RNG = np.random.default_rng(0)
TimeMajor = Literal["keep"] | bool


@pytest.mark.parametrize(("time_major", "transposes"), [("keep", 0), (True, 2), (False, 0)])
def test_layout_of_a_wrapped_layer(time_major: TimeMajor, transposes: int) -> None:
    """Keras wraps its layer in transposes: kept, it runs batch-major and needs none."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    model = graph.model(graph.transpose(y, SWAP))
    left = changed_alike(model, lambda m: run_passes(m, Settings(time_major)))
    assert left["TRANSPOSE"] == transposes


@pytest.mark.parametrize(("time_major", "transposes"), [("keep", 0), (True, 0), (False, 2)])
def test_layout_of_a_bare_layer(time_major: TimeMajor, transposes: int) -> None:
    """A time-major source stays time-major when kept; its interface never changes."""
    graph = Graph()
    model = graph.model(graph.recurrence(graph.x, CELL)[0])
    left = changed_alike(model, lambda m: run_passes(m, Settings(time_major)))
    assert left["TRANSPOSE"] == transposes


def test_layout_turns_a_chain_together() -> None:
    """Layers chained through an activation and a sum are turned as one; nothing is left between."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    a = graph.recurrence(x, random_rnn(RNG, 3, 3), "a")[0]
    both = graph.binary("ADD", graph.unary("RELU", a), x)
    b = graph.recurrence(both, CELL, "b")[0]
    model = graph.model(graph.transpose(b, SWAP))
    assert changed_alike(model, lambda m: run_passes(m, Settings()))["TRANSPOSE"] == 0


def test_layout_is_settled() -> None:
    """A second run changes nothing."""
    graph = Graph()
    model = graph.model(*bidirectional(graph))
    run_passes(model, Settings())
    assert not layout(model, "keep")
