"""TensorFlow functions as sources, and names and shapes for what goes in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.functions import (
    closed_by_pins,
    function_model,
    in_order,
    pinned_shape,
    tensor_spec,
)
from rnnlite_pipeline.sources.model import Array, Shape, TensorSpec
from rnnlite_pipeline.toolchain import load

X = TensorSpec("x", "float32", (None, 3))


def spec(name: str, *shape: int | None, dtype: str = "float32") -> TensorSpec:
    """An input or an output."""
    return TensorSpec(name, dtype, shape)


def test_a_function_is_a_source() -> None:
    """It runs by name, in the order of its specs, and its trace has the pinned shapes."""

    def call(tensors: Sequence[Any]) -> list[Any]:
        x, n = tensors
        return [x * load("tensorflow").cast(n, x.dtype), x]

    inputs = [X, spec("n", dtype="int32")]
    source = function_model(call, inputs, ["product", "same"], {"x": [2, None]})
    assert source.inputs == (spec("x", 2, 3), inputs[1])
    assert source.outputs == (spec("product", 2, 3), spec("same", 2, 3))
    assert [t.shape.as_list() for t in source.trace().inputs] == [[2, 3], []]
    x = np.ones((2, 3), np.float32)
    found = source.run({"n": np.array(5, np.int32), "x": x})
    np.testing.assert_array_equal(found["product"], 5 * x)
    np.testing.assert_array_equal(found["same"], x)
    assert source.versions["tensorflow"]


def test_pins_close_outputs_of_a_loop() -> None:
    """A loop says nothing of its result; with all inputs pinned it is run to see."""

    def call(tensors: Sequence[Any]) -> list[Any]:
        tf = load("tensorflow")
        shapes = (tf.TensorShape([]), tf.TensorShape([None, None]))
        start = (0, tensors[0])
        return [tf.while_loop(lambda k, _: k < 2, lambda k, y: (k + 1, 2 * y), start, shapes)[1]]

    assert function_model(call, [X], ["y"], {}).outputs == (spec("y", None, None),)
    assert function_model(call, [X], ["y"], {"x": [4, 3]}).outputs == (spec("y", 4, 3),)


def test_what_assigns_a_variable_is_not_run_to_see() -> None:
    """A call would change what the source keeps."""
    tf = load("tensorflow")
    kept = tf.Variable(np.zeros((2, 3), np.float32))

    def call(tensors: Sequence[Any]) -> list[Any]:
        kept.assign_add(tensors[0])
        return [load("tensorflow").boolean_mask(kept, [True, False])]

    function_model(call, [X], ["y"], {"x": [2, 3]})
    np.testing.assert_array_equal(kept, np.zeros((2, 3)))


def test_a_function_that_cannot_be_called() -> None:
    """TensorFlow's first line is in the error, with what to do."""

    def call(tensors: Sequence[Any]) -> list[Any]:
        return [load("tensorflow").reshape(tensors[0], [7])]

    with pytest.raises(SourceError, match=r"cannot be called on its inputs: .*reshape.*\n.*inputs"):
        function_model(call, [spec("x", 2, 3)], ["y"], {})


def test_an_output_without_numbers() -> None:
    """A string is refused."""
    with pytest.raises(SourceError, match='"y" is of dtype string'):
        function_model(lambda _: [load("tensorflow").constant("a")], [X], ["y"], {})


Outputs = Mapping[str, Array]


@pytest.mark.parametrize(
    ("given", "pinned", "closed"),
    [
        ((None, 3), (2, 3), (2, 3)),
        ((None, 3), (None, 3), (None, 3)),
        ((2, 3), (2, 3), (2, 3)),
    ],
)
def test_outputs_are_closed_where_all_inputs_are(
    given: Shape, pinned: Shape, closed: Shape
) -> None:
    """With an open input nothing is closed, and what is closed already is not run."""
    runs = []

    def run(arrays: Mapping[str, Array]) -> Outputs:
        runs.append(arrays)
        return {"y": arrays["x"] + 1}

    found = closed_by_pins([spec("y", *given)], [spec("x", *pinned)], run)
    assert found == (spec("y", *closed),)
    assert bool(runs) == (given != closed)


def test_a_shape_that_depends_on_the_numbers_stays_open() -> None:
    """What was found on zeros only is no promise; another output is closed all the same."""

    def run(arrays: Mapping[str, Array]) -> Outputs:
        return {"some": arrays["x"][arrays["x"] > 0.5], "all": arrays["x"].reshape(-1)}

    results = [spec("some", None), spec("all", None)]
    assert closed_by_pins(results, [spec("x", 2, 3)], run) == (spec("some", None), spec("all", 6))


def test_a_shape_that_only_large_numbers_change() -> None:
    """It stays open; a source that takes no large numbers is closed by the small ones."""

    def run(arrays: Mapping[str, Array]) -> Outputs:
        return {"y": arrays["x"][arrays["x"] > 2]}

    assert closed_by_pins([spec("y", None)], [spec("x", 99)], run) == (spec("y", None),)

    def rows(arrays: Mapping[str, Array]) -> Outputs:
        return {"y": np.zeros((2, 3))[arrays["n"]]}

    found = closed_by_pins([spec("y", None, 3)], [spec("n", 9, dtype="int32")], rows)
    assert found == (spec("y", 9, 3),)


def test_numbers_that_the_source_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is closed, and the log says why."""

    def run(arrays: Mapping[str, Array]) -> Outputs:
        del arrays
        raise ValueError("no zeros here")

    assert closed_by_pins([spec("y", None)], [spec("x", 2)], run) == (spec("y", None),)
    assert "no zeros here" in capsys.readouterr().out


def test_what_each_input_is_given_to_see() -> None:
    """Arrays of its dtype and shape, a scalar as well; booleans are false and true."""
    seen: list[dict[str, Array]] = []

    def run(arrays: Mapping[str, Array]) -> Outputs:
        seen.append(dict(arrays))
        return {"y": arrays["x"]}

    closed_by_pins([spec("y", None)], [spec("x"), spec("b", 2, dtype="bool")], run)
    assert {(a["x"].shape, a["x"].dtype.name) for a in seen} == {((), "float32")}
    assert {bool(a["b"].all()) for a in seen} == {False, True}


def test_a_tensor_of_unknown_rank() -> None:
    """The error says where a shape can be given; a pin gives it."""
    tf = load("tensorflow")
    unknown = tf.TensorShape(None)
    with pytest.raises(SourceError, match=r'"y" is unknown.*\n.*tf.ensure_shape'):
        tensor_spec("y", tf.float32, unknown)
    assert pinned_shape(unknown, "x", {"x": [None, 3]}).as_list() == [None, 3]
    assert pinned_shape(unknown, "y", {"x": [None, 3]}).rank is None
    assert pinned_shape(tf.TensorShape([2]), "x", {"x": [3]}).as_list() == [2]


def test_what_tensorflow_says_of_a_tensor() -> None:
    """A reference has the dtype of its values; a scalar has no dimensions."""
    tf = load("tensorflow")
    reference = tf.as_dtype(tf.float32.as_datatype_enum + 100)
    assert tensor_spec("r", reference, tf.TensorShape([])) == spec("r")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["output_10", "output_2", "output_0"], ["output_0", "output_2", "output_10"]),
        (["b2a10", "b2a9", "b1a11"], ["b1a11", "b2a9", "b2a10"]),
        ([], []),
    ],
)
def test_numbers_in_names_count(names: list[str], wanted: list[str]) -> None:
    """The tenth output comes behind the second."""
    assert in_order(names) == wanted
