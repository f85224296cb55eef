"""What a model says of its states."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.state.description import Description, describe, described, time_axes
from tests.recognise.strategies import simple_rnn


def model(*inputs: Tensor, ops: tuple[Op, ...] = ()) -> Model:
    """A graph of these inputs."""
    main = Subgraph("main", list(inputs), [], list(ops))
    return Model([main], [Signature("main", main, {t.name: t for t in inputs}, {})])


def test_a_description_comes_back() -> None:
    """The policy, each state with its first value, and the time axes."""
    graph = model()
    states = [State("lstm/h", np.array([[0.0, 0.25]], np.float32))]
    describe(graph, "explicit", states, {"x": 1})
    found = described(graph)
    assert (found.policy, found.time) == ("explicit", {"x": 1})
    (state,) = found.states
    assert state.name == "lstm/h"
    np.testing.assert_array_equal(state.initial, states[0].initial)
    assert state.initial.dtype == np.float32


def test_a_model_without_states_says_nothing() -> None:
    """It is read as one that starts anew at every call."""
    graph = model()
    describe(graph, "persist", [], {"x": 1})
    assert graph.metadata == {}
    assert described(graph) == Description()


def test_the_axis_that_a_recurrence_runs_over() -> None:
    """Through a transpose; an input of another length is not among them."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (OPEN, OPEN, 2))
    other = Tensor("other", "FLOAT32", (1, OPEN, 2))
    turned = build.transpose(x, [1, 0, 2])
    cell = simple_rnn()
    for time_major, read, axis in ((True, turned, 1), (False, turned, 0), (True, x, 0)):
        outputs = [Tensor(n, "FLOAT32", None) for n in "yh"]
        options = {"recurrence": Recurrence("r", cell, time_major=time_major)}
        run = Op(RECURRENCE, [read, None], outputs, options)
        assert time_axes(model(x, other, ops=(*build.ops, run))) == {"x": axis}


def test_an_open_second_axis_is_time_where_nothing_is_known() -> None:
    """No recurrence, or one whose input cannot be followed."""
    x, row = Tensor("x", "FLOAT32", (OPEN, OPEN, 2)), Tensor("row", "FLOAT32", (OPEN, 2))
    assert time_axes(model(x, row)) == {"x": 1}
