"""Slices with new axes, which the converter leaves to Flex, as builtin ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef import flex
from rnnlite_pipeline.sources.graphdef.slices import slices_to_builtin
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


X = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def flex_slice(options: bytes, shape: tuple[int, ...] | None, ends: list[Tensor]) -> Model:
    """One FlexStridedSlice of an input of this shape."""
    x, y = Tensor("x", "FLOAT32", shape), Tensor("y", "FLOAT32", None)
    op = Op("FlexStridedSlice", [x, *ends], [y], custom=True, custom_options=options)
    inputs = [x, *(each for each in ends if each.data is None)]
    return Model([Subgraph("main", inputs, [y], [op])])


def options_of(**masks: int) -> bytes:
    """The name and the NodeDef that a FlexStridedSlice carries, with these masks."""
    node = load("tensorflow").compat.v1.NodeDef(name="y", op="StridedSlice")
    for name in MASKS:
        node.attr[name].i = masks.get(name, 0)
    return flex.options_of(b"StridedSlice", node)


def constants(*values: list[int], dtype: Any = np.int32) -> list[Tensor]:
    """begin, end and strides."""
    return [Tensor.constant(f"end_{k}", np.asarray(v, dtype)) for k, v in enumerate(values)]


def codes(model: Model) -> list[str]:
    """The ops that are left."""
    return [op.code for op in model.ops()]


def test_a_new_axis_of_a_scalar() -> None:
    """x[None] of a scalar has nothing to slice: it is one EXPAND_DIMS."""
    model = flex_slice(options_of(new_axis_mask=1), (), constants([0], [0], [1]))
    slices_to_builtin(model)
    assert codes(model) == ["EXPAND_DIMS"]
    found = Runner(write_model(model), "reference").run({"x": np.array(7.0, np.float32)})
    np.testing.assert_array_equal(found["y"], np.array([7.0], np.float32))


def test_ends_of_64_bits_that_are_computed() -> None:
    """The kernel takes begin and end in 32 bits only, so that computed ones are cast."""
    begin, end = (Tensor(name, "INT64", (2,)) for name in ("begin", "end"))
    (strides,) = constants([1, 1], dtype=np.int64)
    model = flex_slice(options_of(new_axis_mask=1), X.shape, [begin, end, strides])
    slices_to_builtin(model)
    assert codes(model).count("CAST") == 2
    fed: dict[str, Any] = {
        "x": X,
        "begin": np.array([0, 1], np.int64),
        "end": np.array([9, 2], np.int64),
    }
    found = Runner(write_model(model), "reference").run(fed)
    np.testing.assert_array_equal(found["y"], X[None, 1:2])


@pytest.mark.parametrize(
    ("masks", "begin", "end", "strides", "taken"),
    [
        ({}, [0, 1, -2], [2, -1, 3], [1, 2, 1], np.s_[0:2, 1:-1:2, -2:3]),
        ({"shrink_axis_mask": 1, "begin_mask": 1}, [-1], [0], [1], np.s_[-1]),
        ({"begin_mask": 1, "end_mask": 1}, [5], [-5], [-1], np.s_[::-1]),
        ({"ellipsis_mask": 1, "shrink_axis_mask": 2}, [0, 1], [0, 2], [1, 1], np.s_[..., 1]),
        ({"ellipsis_mask": 4}, [1, 1, 0, 0], [2, 9, 0, 2], [1] * 4, np.s_[1:2, 1:9, ..., 0:2]),
        ({"new_axis_mask": 3, "shrink_axis_mask": 3}, [0, 0], [0, 0], [1, 1], np.s_[None, None]),
        ({"shrink_axis_mask": 3, "new_axis_mask": 4}, [1, 2, 0], [2, 3, 0], [1] * 3,
         np.s_[1, 2, None]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_open", [False, True])
def test_masks(
    masks: dict[str, int],
    begin: list[int],
    end: list[int],
    strides: list[int],
    taken: Any,
    *,
    is_open: bool,
) -> None:
    """Each mask means what it means in TensorFlow, and the shape that is written is right."""
    shape = (OPEN, OPEN, 3) if is_open else X.shape
    model = flex_slice(options_of(**masks), shape, constants(begin, end, strides))
    slices_to_builtin(model)
    (y,) = model.main.outputs
    assert all(d in (OPEN, n) for d, n in zip(y.shape or (), X[taken].shape, strict=True))
    assert is_open or y.shape == X[taken].shape
    found = Runner(write_model(model), "reference").run({"x": X})
    np.testing.assert_array_equal(found["y"], X[taken])


@pytest.mark.parametrize("unknown", ["rank", "strides"])
def test_what_is_not_known_stays(unknown: str) -> None:
    """Without the rank of x, or the strides, the op is left as it is."""
    begin, end, strides = constants([0], [1], [1])
    strides = strides if unknown == "rank" else Tensor("strides", "INT32", (1,))
    shape = None if unknown == "rank" else (3,)
    model = flex_slice(options_of(), shape, [begin, end, strides])
    slices_to_builtin(model)
    assert codes(model) == ["FlexStridedSlice"]
