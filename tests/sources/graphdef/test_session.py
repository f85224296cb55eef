"""Graphs of TensorFlow 1 between the inputs and the outputs that a config names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible, SourceError
from rnnlite_pipeline.sources.graphdef.session import find_tensor, new_session, session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

X = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


@pytest.fixture
def session() -> Iterator[Any]:
    """A session on: x [?, 2] -> doubled -> y = doubled * w + shift, and sizes of no rank."""
    tf = load("tensorflow")
    v1 = tf.compat.v1
    session = new_session()
    with session.graph.as_default():
        x = v1.placeholder(tf.float32, [None, 2], "x")
        shift = v1.placeholder(tf.float32, [], "shift")
        w = v1.get_variable("w", initializer=[10.0, 100.0], use_resource=False)
        doubled = tf.multiply(x, 2.0, name="doubled")
        tf.add(doubled * w, shift, name="y")
        tf.reshape(x, of_no_length(tf.shape(x)), name="unranked")
        tf.split(x, 2, 1, name="halves")
        v1.Print(x, [x], name="printed")
        session.run(v1.global_variables_initializer())
    yield session
    session.close()


def of_no_length(shape: Any) -> Any:
    """The same shape, of which TensorFlow does not know how many numbers it has."""
    return load("tensorflow").boolean_mask(shape, [True, True])


def model(session: Any, inputs: list[str], outputs: list[str], **more: Any) -> SourceModel:
    """The part of the graph between tensors of these names."""
    pins = more.pop("pins", {})
    constants = {find_tensor(session.graph, n, "c"): v for n, v in more.items()}
    given, made = (
        {n: find_tensor(session.graph, n, "k") for n in side} for side in (inputs, outputs)
    )
    return session_model(session, given, made, pins, constants)


def test_a_part_of_a_graph() -> None:
    """A session of its own graph, so that two sources do not meet."""
    assert new_session().graph is not new_session().graph


def test_variables_are_constants_of_the_function(session: Any) -> None:
    """The session and the traced function compute the same, with the names of the config."""
    source = model(session, ["x"], ["y", "doubled"], shift=np.array(1, np.float32))
    assert [s.shape for s in (*source.inputs, *source.outputs)] == [(None, 2)] * 3
    found = source.run({"x": X})
    np.testing.assert_array_equal(found["y"], 2 * X * [10, 100] + 1)
    traced = source.trace()(load("tensorflow").constant(X))
    for one, other in zip(traced, found.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_inner_tensor_is_an_input(session: Any) -> None:
    """What computes it is no part of the model, and an input may be an output."""
    source = model(session, ["doubled", "shift"], ["y", "doubled"])
    fed = {"doubled": X, "shift": np.array(3, np.float32)}
    found = source.run(fed)
    np.testing.assert_array_equal(found["y"], X * [10, 100] + 3)
    np.testing.assert_array_equal(found["doubled"], X)
    traced = source.trace()(*map(load("tensorflow").constant, fed.values()))
    np.testing.assert_array_equal(traced[0], found["y"])


def test_one_output_of_an_op_is_an_input(session: Any) -> None:
    """What computes it is left out as well, and the other output is still computed."""
    tf = load("tensorflow")
    with session.graph.as_default():
        left, right = (session.graph.get_tensor_by_name(f"halves:{k}") for k in range(2))
        tf.subtract(right, 1.0, name="less")
        tf.subtract(left, right, name="apart")
    one = np.array([[7], [8]], np.float32)
    source = model(session, ["halves:1"], ["less"])
    assert source.inputs[0].shape == (None, 1)
    np.testing.assert_array_equal(source.run({"halves:1": one})["less"], one - 1)
    np.testing.assert_array_equal(source.trace()(load("tensorflow").constant(one))[0], one - 1)
    kinds = {op.type for op in source.trace().graph.get_operations()}
    assert not {"Split", "SplitV"} & kinds
    both = model(session, ["x", "halves:1"], ["apart", "halves:1"])
    fed = {"x": X[:2], "halves:1": one}
    wanted = [X[:2, :1] - one, one]
    traced = both.trace()(*map(load("tensorflow").constant, fed.values()))
    for found in (both.run(fed).values(), traced):
        for array, value in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(array, value)


def test_pins_close_dimensions(session: Any) -> None:
    """Those of the outputs follow."""
    source = model(session, ["x"], ["y"], shift=np.array(0, np.float32), pins={"x": [3, None]})
    assert [s.shape for s in (*source.inputs, *source.outputs)] == [(3, 2)] * 2


def test_a_placeholder_that_nothing_feeds(session: Any) -> None:
    """It is named, if an output depends on it."""
    with pytest.raises(SourceError, match='depend on the placeholder "shift"'):
        model(session, ["x"], ["y"])
    assert model(session, ["x"], ["doubled"]).outputs[0].name == "doubled"


def test_a_rank_that_is_not_known(session: Any) -> None:
    """It is seen by running the graph on two sizes; an input has to be given one."""
    (spec,) = model(session, ["x"], ["unranked"]).outputs
    assert spec.shape == (None, 2)
    with pytest.raises(SourceError, match='shape of "unranked" is unknown'):
        model(session, ["unranked"], ["unranked"])
    pins = {"unranked": [None, 5]}
    assert model(session, ["unranked"], ["unranked"], pins=pins).outputs[0].shape == (None, 5)


def test_a_graph_that_does_not_run_on_zeros(session: Any) -> None:
    """Then the rank stays unknown, and that is what is said."""
    tf = load("tensorflow")
    with session.graph.as_default():
        x = session.graph.get_tensor_by_name("x:0")
        shape = of_no_length(tf.cast(x[0], tf.int32) - 5)
        tf.reshape(x, shape, name="never")
    with pytest.raises(SourceError, match='shape of "never" is unknown'):
        model(session, ["x"], ["never"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("doubld", r'"doubld", which is no tensor of the graph. Did you mean "doubled"\?'),
        ("doubled:1", r'"doubled" has fewer outputs'),
        ("doubled:a", r'"doubled" has fewer outputs'),
        ("", r"which is no tensor of the graph\."),
    ],
)
def test_a_name_of_no_tensor(session: Any, name: str, said: str) -> None:
    """The nearest name is proposed, and the placeholders are listed."""
    with pytest.raises(SourceError, match=said) as caught:
        find_tensor(session.graph, name, f"source.constants.{name}")
    assert '"x", "shift"' in caught.value.remedy
    assert caught.value.key[:2] == ("source", "constants")


def test_names_with_and_without_their_output(session: Any) -> None:
    """The first output is meant where none is named."""
    graph = session.graph
    assert find_tensor(graph, "halves", "k") is graph.get_tensor_by_name("halves:0")
    assert find_tensor(graph, "halves:1", "k") is graph.get_tensor_by_name("halves:1")


@pytest.mark.parametrize("resource", [False, True])
def test_a_variable_that_is_assigned(session: Any, resource: bool) -> None:
    """It is a state, which `run` starts anew and `resume` goes on from."""
    tf = load("tensorflow")
    v1 = tf.compat.v1
    with session.graph.as_default():
        x = session.graph.get_tensor_by_name("x:0")
        h = v1.get_variable("h", initializer=[7.0, 7.0], use_resource=resource)
        tf.identity(v1.assign_add(h, tf.reduce_sum(x, 0)), name="total")
        session.run(h.initializer)
    source = model(session, ["x"], ["total"])
    ((name, initial),) = source.states
    assert name == "h"
    np.testing.assert_array_equal(initial, [7, 7])
    assert source.resume is not None
    totals = [run({"x": X})["total"].tolist() for run in (source.run, source.resume, source.run)]
    assert totals == [[16, 19], [25, 31], [16, 19]]


def test_a_variable_that_is_assigned_in_a_loop(session: Any) -> None:
    """It is refused, as nobody can follow it."""
    tf = load("tensorflow")
    v1 = tf.compat.v1
    later = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        with session.graph.as_default():
            h = v1.get_variable("n", initializer=[1.0], use_resource=True)

            def step(k: Any, y: Any) -> Any:
                with tf.control_dependencies([v1.assign_add(h, y)]):
                    return k + 1, y + h.read_value()

            tf.identity(
                v1.while_loop(lambda k, _: k < 3, step, (0, tf.constant([1.0])))[1], name="looped"
            )
            session.run(h.initializer)
    finally:
        if later:
            v1.enable_control_flow_v2()
    with pytest.raises(NotConvertible, match="in a loop or in a branch"):
        model(session, ["x"], ["looped"])
