"""Placeholders of TensorFlow 1: values for them, and a proposal for those that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.placeholders import (
    check_placeholders,
    constant_feeds,
    likely_value,
    with_constants,
)
from rnnlite_pipeline.toolchain import load


def fed(dtype: str, shape: Any, value: Any) -> np.ndarray[Any, Any]:
    """The array of a tensor of this dtype and shape."""
    spec = load("tensorflow").TensorSpec(shape, dtype, name="p")
    return np.asarray(constant_feeds({"p": spec}, {"p": value})[spec])


@pytest.mark.parametrize(
    ("dtype", "shape", "value", "wanted"),
    [
        ("float32", [], 0.1, np.array(0.1, np.float32)),
        ("float32", [2, 1], 3, np.full((2, 1), 3.0, np.float32)),
        ("float32", None, 2, np.array(2, np.float32)),
        ("float32", [None], (1, 2.5), np.array([1, 2.5], np.float32)),
        ("float32", [0], 1.0, np.empty(0, np.float32)),
        ("int64", [], 2**40, np.array(2**40, np.int64)),
        ("int32", [], True, np.array(1, np.int32)),
        ("bool", [], 1, np.array(True, np.bool_)),
        ("uint8", [2], (0, 255), np.array([0, 255], np.uint8)),
    ],
)
def test_a_value_that_fits(dtype: str, shape: Any, value: Any, wanted: Any) -> None:
    """It gets the dtype of its tensor, and a number stands for all of a known shape."""
    array = fed(dtype, shape, value)
    assert array.dtype == wanted.dtype
    np.testing.assert_array_equal(array, wanted)


def test_a_float_of_16_bits_is_rounded() -> None:
    """Of bfloat16, which is no float to NumPy, too."""
    assert float(fed("bfloat16", [], 0.1)) == pytest.approx(0.1, rel=1e-2)


@pytest.mark.parametrize(
    ("dtype", "shape", "value"),
    [
        ("bool", [], 0.5),
        ("int32", [], 1.5),
        ("uint8", [], -1),
        ("uint8", [], 256),
        ("float16", [], 70000),
        ("int64", [], 2**70),
        ("int32", [], 2**31),
        ("int32", [2], (1, -(2**40))),
        ("float32", [2], (1.0, 2.0, 3.0)),
        ("float32", [None], 1.0),
        ("float32", [], (1.0,)),
        ("string", [], 1),
    ],
)
def test_a_value_that_does_not_fit(dtype: str, shape: Any, value: Any) -> None:
    """Neither another number nor infinity is made of it: the error has its place."""
    with pytest.raises(SourceError, match=f"gives p .*, and it is a {dtype} of shape") as caught:
        fed(dtype, shape, value)
    assert caught.value.key == ("source", "constants", "p")


def graph() -> Any:
    """x split in two, added to a number with a default and one without."""
    tf = load("tensorflow")
    v1 = tf.compat.v1
    with tf.Graph().as_default() as made:
        x = v1.placeholder(tf.float32, [4], "x")
        first, second = tf.split(x, 2, name="split")
        scale = v1.placeholder_with_default(tf.constant(2.0), [], "scale")
        kept = v1.placeholder(tf.float32, [], "kept")
        tf.identity(first * scale + second * kept, name="y")
    return made


def run(definition: Any) -> Any:
    """The graph's y for x = [1, 2, 3, 4]."""
    tf = load("tensorflow")
    wrap = load("tensorflow.python.eager.wrap_function")
    function = wrap.function_from_graph_def(definition, ["x:0"], ["y:0"])
    return function(tf.constant([1.0, 2.0, 3.0, 4.0]))[0].numpy().tolist()


def test_constants_in_the_place_of_tensors() -> None:
    """A default is taken; a constant takes the place of a placeholder, or of one output alone."""
    made = graph()
    definition = made.as_graph_def()
    kept, second = (made.get_tensor_by_name(n) for n in ("kept:0", "split:1"))
    fixed = {kept: np.array(10.0, np.float32), second: np.array([5.0, 6.0], np.float32)}
    with_constants(definition, fixed)
    assert run(definition) == [1 * 2 + 5 * 10, 2 * 2 + 6 * 10]


def test_the_first_of_two_outputs() -> None:
    """Its readers name it without a number; the second output is still computed."""
    made = graph()
    definition = made.as_graph_def()
    kept, first = (made.get_tensor_by_name(n) for n in ("kept:0", "split:0"))
    with_constants(
        definition, {kept: np.array(10.0, np.float32), first: np.array([5.0, 6.0], np.float32)}
    )
    assert run(definition) == [5 * 2 + 3 * 10, 6 * 2 + 4 * 10]


def test_a_placeholder_that_nothing_feeds() -> None:
    """It is named, with the lines to write for a value and for an input."""
    definition = graph().as_graph_def()
    with pytest.raises(SourceError, match=r'placeholder "kept" \(float32 \[\]\) that') as caught:
        check_placeholders(definition, ["x"])
    assert "source.constants: {kept: 1.0}" in caught.value.remedy
    assert "source.inputs: {kept: []}" in caught.value.remedy
    with pytest.raises(SourceError, match=r'"x" \(float32 \[4\]\), and 1 others, that'):
        check_placeholders(definition, [])
    check_placeholders(definition, ["x", "kept"])


@pytest.mark.parametrize(
    ("name", "dtype", "value"),
    [
        ("model/is_training", "bool", "false"),
        ("model/Inference", "bool", "true"),
        ("keep_prob", "float32", "1.0"),
        ("train/dropout", "float32", "0.0"),
        ("dropout_keep_prob", "float32", "1.0"),
        ("drop_rate", "float16", "0.0"),
        ("rate/scale", "float32", "1.0"),
        ("batch_size", "int32", "1"),
    ],
)
def test_a_proposal_by_name(name: str, dtype: str, value: str) -> None:
    """Without a dropout that reads it, the last part of the name says what a placeholder is."""
    assert likely_value(name, load("tensorflow").as_dtype(dtype)) == value


@pytest.mark.parametrize("name", ["dropout", "keep_prob", "p"])
@pytest.mark.parametrize(
    ("written", "value"),
    [("keep_prob", "1.0"), ("rate", "0.0"), ("one minus", "0.0"), ("floor", "1.0")],
)
def test_what_a_dropout_keeps_is_read_off_the_graph(name: str, written: str, value: str) -> None:
    """A number that a dropout keeps is 1 in inference, and one that it drops 0, by any name."""
    tf = load("tensorflow")
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], "x")
        number = v1.placeholder(tf.float32, [], name)
        if written == "floor":  # TensorFlow before 1.13
            x / number * tf.floor(number + tf.random.uniform(tf.shape(x)))
        elif written == "one minus":
            v1.nn.dropout(x, keep_prob=1.0 - number)
        else:
            v1.nn.dropout(x, **{written: number})
    assert likely_value(name, tf.float32, graph.as_graph_def().node) == value
