"""All passes on recurrences together leave the fewest ops and the same numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL
from rnnlite_pipeline.graph.ir import Model
from tests.lower.cases import random_rnn
from tests.passes.sequences import (
    SWAP,
    Graph,
    Settings,
    bidirectional,
    changed_alike,
    counts,
    run_passes,
)

RNG = np.random.default_rng(0)
TimeMajor = Literal["keep"] | bool
Merge = Literal["group", "split"]
LAYOUTS: st.SearchStrategy[TimeMajor] = st.sampled_from(("keep", True, False))
MERGES: st.SearchStrategy[Merge] = st.sampled_from(("group", "split"))


@pytest.mark.parametrize("last", [False, True])
def test_keras_bidirectional_needs_the_fewest_ops(last: bool) -> None:
    """One op for both directions and the merge: no reversal, no transpose, no slice."""
    graph = Graph()
    model = graph.model(graph.concatenate(bidirectional(graph, steps=not last), 1 if last else 2))
    left = changed_alike(model, lambda m: run_passes(m, Settings()))
    assert left == {BIDIRECTIONAL: 1, "CONCATENATION": 1}


@st.composite
def stacks(draw: st.DrawFn) -> Model:
    """Layers in a row, with reversals, swaps and elementwise ops thrown in between."""
    graph = Graph(steps=draw(st.sampled_from([-1, 5])))
    value, time_axis, outputs = graph.x, 1, []
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["layer", "both", "reverse", "swap", "relu", "last"]))
        if kind in ("layer", "both"):
            x = value if time_axis == 0 else graph.transpose(value, SWAP)
            width = (x.shape or ())[2]
            if kind == "layer":
                value = graph.recurrence(x, random_rnn(RNG, width, 3), reverse=draw(st.booleans()))[
                    0
                ]
            else:
                one = graph.recurrence(x, random_rnn(RNG, width, 3))[0]
                two = graph.recurrence(graph.reverse(x, 0), random_rnn(RNG, width, 3))[0]
                value = graph.binary("ADD", one, graph.reverse(two, 0))
            time_axis = 0
        elif kind == "reverse":
            value = graph.reverse(value, time_axis)
        elif kind == "swap":
            value, time_axis = graph.transpose(value, SWAP), 1 - time_axis
        elif kind == "relu":
            value = graph.unary("RELU", value)
        else:
            outputs.append(graph.step(value, time_axis, draw(st.sampled_from([0, -1]))))
    return graph.model(*outputs, graph.unary("NEG", value))


@settings(max_examples=40, deadline=None)
@given(stacks(), LAYOUTS, MERGES)
def test_passes_keep_the_numbers(model: Model, time_major: TimeMajor, bidirectional: Merge) -> None:
    """Whatever stands around the layers, all passes together change no output."""
    before = counts(model)["TRANSPOSE"]
    chosen = Settings(time_major, bidirectional)
    left = changed_alike(model, lambda m: run_passes(m, chosen))
    if time_major == "keep":
        assert left["TRANSPOSE"] <= before


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(stacks(), LAYOUTS, MERGES)
def test_passes_keep_the_numbers_at_length(
    model: Model, time_major: TimeMajor, bidirectional: Merge
) -> None:
    """The same as above, over many more stacks."""
    chosen = Settings(time_major, bidirectional)
    changed_alike(model, lambda m: run_passes(m, chosen))
