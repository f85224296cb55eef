"""Slices with new axes, which the converter leaves to Flex, as builtin ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold

SLICES: tuple[Callable[[Any], Any], ...] = (
    lambda x: x[..., None],
    lambda x: x[:, None, None],
    lambda x: x[:, -1, None, :2],
    lambda x: x[1:, None, ..., 0],
    lambda x: x[None, :, ::2, None, ::-1],
    lambda x: x[:1, None, -1],
    lambda x: x[0, ..., None],
    lambda x: x[: load("tensorflow").shape(x)[1], None, 1:3, None],
    lambda x: x[..., 1:3, None],
    lambda x: (x > 0)[..., None],
)


def test_slices_with_new_axes() -> None:
    """Every slice of open dimensions becomes builtin ops that compute what TensorFlow does."""
    tf = load("tensorflow")
    spec = tf.TensorSpec((None, None, 3), tf.float32, name="x")
    function = tf.function(lambda x: [cut(x) for cut in SLICES], input_signature=[spec])
    source = source_model(function, "f", {})
    assert b"FlexStridedSlice" not in to_tflite(source)
    hold(source, ["slices"])
