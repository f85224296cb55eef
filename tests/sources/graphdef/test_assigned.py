"""Variables that a source assigns become its states: named, valued, and started anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.assigned import lifted, with_states
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

ONE = np.array([[1, 2]], np.float32)


def traced(call: Any) -> Any:
    """A tf.function of x [1, 2]."""
    tf = load("tensorflow")
    return tf.function(call, input_signature=[tf.TensorSpec([1, 2], tf.float32, name="x")])


def source(call: Any) -> SourceModel:
    """The same as a source with its states."""
    return with_states(source_model(traced(call), "f", {}))


def variable(value: Any = 0.0, name: str = "sum") -> Any:
    """A variable [1, 2]."""
    return load("tensorflow").Variable(np.full((1, 2), value, np.float32), name=name)


def test_a_file_and_a_source_without_variables_are_themselves() -> None:
    """A .tflite file is not traced, and what assigns nothing has no states."""
    file = SourceModel((), (), lambda: 1 / 0, lambda _: {}, content=b"TFL3")
    assert with_states(file) is file
    plain = source_model(traced(lambda x: 2.0 * x), "f", {})
    assert with_states(plain) is plain


def test_a_state_starts_from_what_the_variable_held() -> None:
    """`run` starts there each time, `resume` goes on, and the function takes and gives it."""
    kept = variable(10)
    kept_too = variable(1, "other/w")

    def call(x: Any) -> Any:
        y = kept + kept_too
        kept.assign_add(x)
        return y

    found = source(call)
    ((name, initial),) = found.states
    assert name == "sum"
    np.testing.assert_array_equal(initial, [[10, 10]])
    assert found.resume is not None
    results = [run({"x": ONE}) for run in (found.run, found.resume, found.resume, found.run)]
    sums = [float(y[0, 0]) for each in results for y in each.values()]
    assert sums == [11, 12, 13, 11]
    function = found.trace()
    assert [t.shape.as_list() for t in function.inputs] == [[1, 2], [1, 2]]
    y, after = function(load("tensorflow").constant(ONE), load("tensorflow").constant([[5.0, 5.0]]))
    np.testing.assert_array_equal(y, [[6, 6]])
    np.testing.assert_array_equal(after, [[6, 7]])


def test_two_variables_of_one_name() -> None:
    """The second one is numbered; each keeps its own value."""
    one, two = variable(1, "a/v"), variable(2, "a/v")

    def call(x: Any) -> Any:
        y = one - two
        one.assign(x)
        two.assign(3.0 * x)
        return y

    states = source(call).states
    assert {name: float(value[0, 0]) for name, value in states} == {"a/v": 1, "a/v_1": 2}


def test_a_variable_that_no_output_depends_on() -> None:
    """It is no state, and the function that is converted assigns nothing."""
    seed = variable(3)

    def call(x: Any) -> Any:
        seed.assign_add(x)
        return 2.0 * x

    found = source(call)
    assert found.states == ()
    assert found.resume is None
    kinds = {op.type for op in found.trace().graph.get_operations()}
    assert not [kind for kind in kinds if "Variable" in kind]


def test_a_variable_without_a_fixed_shape() -> None:
    """Its name is in the error: the runtime keeps states of one shape."""
    tf = load("tensorflow")
    kept = tf.Variable(np.zeros((1, 2), np.float32), shape=[None, 2], name="grows")

    def call(x: Any) -> Any:
        y = tf.reduce_sum(kept)
        kept.assign(tf.concat([kept, x], 0))
        return y

    with pytest.raises(NotConvertible, match='assigns the variable "grows", whose shape is not'):
        source(call)


def test_what_writes_a_part_is_left_to_be_refused() -> None:
    """A scatter is no assignment that is followed: the function stays as it is."""
    tf = load("tensorflow")
    kept = tf.Variable(np.zeros((3, 2), np.float32), name="rows")

    def call(x: Any) -> Any:
        kept.scatter_update(tf.IndexedSlices(x, [1]))
        return tf.reduce_sum(kept)

    function = traced(call).get_concrete_function()
    assert lifted(function) == (function, ())
