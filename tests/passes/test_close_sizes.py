"""What follows from pinned inputs is closed; what does not stays open."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.passes.close_sizes import close_sizes
from tests.passes.sequences import Graph


def behind_a_loop(batch: int = 2) -> Model:
    """x [batch, 4, 3], reversed and transposed by ops that say that the batch is open."""
    graph = Graph(steps=4)
    graph.x.shape = (batch, 4, 3)
    turned = graph.op("REVERSE_V2", [graph.x, graph.indices([1])], "FLOAT32", (OPEN, 4, 3))
    swapped = graph.op("TRANSPOSE", [turned, graph.indices([1, 0, 2])], "FLOAT32", (4, OPEN, 3))
    model = graph.model(graph.op("NEG", [swapped], "FLOAT32", (4, OPEN, 3)))
    ensure_signature(model)
    return model


def test_sizes_that_follow_from_the_inputs_are_closed() -> None:
    """Through a reversal and a transpose; the output keeps the shape that the source says."""
    model = behind_a_loop()
    assert close_sizes(model)
    shapes = [op.outputs[0].shape for op in model.main.ops]
    assert shapes == [(2, 4, 3), (4, 2, 3), (4, OPEN, 3)]
    assert not close_sizes(model)


def test_a_model_with_an_open_input_is_left_alone() -> None:
    """Its batch is known only when it is called."""
    assert not close_sizes(behind_a_loop(OPEN))


def test_sizes_that_the_numbers_decide_stay_open() -> None:
    """What WHERE finds has as many rows as there are truths."""
    graph = Graph(steps=4)
    graph.x.shape = (2, 4, 3)
    flags = graph.op(
        "NOT_EQUAL", [graph.x, graph.constant("zero", np.zeros(1, np.float32))], "BOOL", (2, 4, 3)
    )
    places = graph.op("WHERE", [flags], "INT64", (OPEN, 3))
    model = graph.model(graph.op("CAST", [places], "FLOAT32", (OPEN, 3)))
    assert not close_sizes(model)
    assert places.shape == (OPEN, 3)
