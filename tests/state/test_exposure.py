"""States of recurrences become inputs and outputs of the graph."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.state.exposure import exposed
from tests.recognise.strategies import lstm

CELL = lstm(0, units=3, features=2)


def model(*, reverse: bool = False, computed: bool = False) -> Model:
    """One LSTM of a batch of two; its first h is computed by the model, or zero."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (5, 2, 2))
    y = Tensor("y", "FLOAT32", (5, 2, 3))
    finals = [Tensor(f"final_{k}", "FLOAT32", (2, 3)) for k in range(2)]
    first = None
    if computed:
        start = build.step(x, 0, 0)
        weights = Tensor.constant("w", np.ones((3, 2), np.float32))
        first = build.op("FULLY_CONNECTED", [start, weights, None], "FLOAT32", (2, 3))
    options = {"recurrence": Recurrence("lstm", CELL, reverse)}
    build.ops.append(Op(RECURRENCE, [x, first, None], [y, *finals], options))
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("main", main, {"x": x}, {"y": y})])


def test_each_state_is_an_input_and_an_output() -> None:
    """Named after the layer; the recurrence reads the one and gives the other."""
    graph = model()
    states = exposed(graph, "explicit", [])
    assert [s.name for s in states] == ["lstm/h", "lstm/c"]
    (signature,) = graph.signatures
    op = next(op for op in graph.main.ops if op.code == RECURRENCE)
    assert op.inputs[1:] == [signature.inputs[s.input] for s in states]
    assert [(s.initial == 0).all() for s in states] == [True, True]
    assert len(signature.outputs) == 3


def test_a_state_that_the_model_computes_stays() -> None:
    """It is none between calls."""
    assert [s.name for s in exposed(model(computed=True), "explicit", [])] == ["lstm/c"]


def test_a_backward_layer_is_refused_by_name() -> None:
    """Its first step needs the end of the sequence."""
    with pytest.raises(NotConvertible, match="lstm"):
        exposed(model(reverse=True), "persist", [])


def test_a_loop_that_was_not_read_is_refused() -> None:
    """Its states are not known."""
    graph = model()
    graph.main.ops.insert(0, Op("WHILE", [], [Tensor("rnn/while", "FLOAT32", ())]))
    with pytest.raises(NotConvertible):
        exposed(graph, "explicit", [])
