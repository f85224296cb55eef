"""In which direction a recurrence goes over the model's own sequence."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import reads_reversed

#: Whether the input is turned round, whether the mask is, and whether that is backward.
CASES = [(True, True, True), (True, False, False), (False, False, False)]


@pytest.mark.parametrize(("turn_input", "turn_mask", "backward"), CASES)
def test_a_masked_layer_reads_backward(turn_input: bool, turn_mask: bool, backward: bool) -> None:
    """Its input and its mask are joined: both are turned round, or it does not go backward."""
    x, mask = Tensor("x", "FLOAT32", (1, 5, 3)), Tensor("mask", "FLOAT32", (1, 5, 1))
    build = Builder("layer")
    parts = [
        build.reverse(part, 1) if turned else part
        for part, turned in ((x, turn_input), (mask, turn_mask))
    ]
    joined = build.concatenate(parts, -1)
    graph = Subgraph("main", [x, mask], [joined], list(build.ops))
    assert reads_reversed(joined, producers(graph)) == backward


def test_a_reversal_of_features_is_none_of_steps() -> None:
    """Only the order of the steps is a direction; two reversals are none."""
    x = Tensor("x", "FLOAT32", (1, 5, 3))
    build = Builder("layer")
    features, once = build.reverse(x, 2), build.reverse(x, 1)
    twice = build.reverse(once, 1)
    made = producers(Subgraph("main", [x], [features, twice], list(build.ops)))
    assert [reads_reversed(t, made) for t in (x, features, once, twice)] == [
        False,
        False,
        True,
        False,
    ]
