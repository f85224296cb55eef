"""Weights in int8 and float16, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.quantize.weights import LEVELS, to_float16, to_int8


def constant(value: Any) -> Tensor:
    """A float32 constant."""
    return Tensor.constant("w", np.asarray(value, np.float32))


def real(tensor: Tensor) -> tuple[Any, Any]:
    """What an int8 weight stands for, and its scales, along its axis."""
    assert tensor.quantization is not None
    assert tensor.array is not None
    scale = np.array(tensor.quantization.scale)
    shape = [1] * tensor.array.ndim
    if scale.size > 1:
        shape[tensor.quantization.axis] = -1
    return tensor.array * scale.reshape(shape), scale.reshape(shape)


@given(
    arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)),
    st.sampled_from([None, 0, 1]),
)
def test_int8_is_within_half_a_step(value: Any, axis: int | None) -> None:
    """Of its own channel's step where there is an axis; no scale is 0, and -128 is not used."""
    made = to_int8(constant(value), axis)
    found, scale = real(made)
    assert made.quantization is not None
    assert len(made.quantization.scale) == (1 if axis is None else value.shape[axis])
    assert (scale > 0).all()
    assert made.array is not None
    assert made.array.min() >= -LEVELS
    assert (np.abs(found - value) <= 0.5001 * scale + 1e-37).all()


@pytest.mark.parametrize("tiny", [0.0, 1e-45, 1e-40])
@pytest.mark.parametrize("axis", [None, 0])
def test_what_has_no_scale_is_zero(tiny: float, axis: int | None) -> None:
    """A channel of zeros, or of numbers whose scale no float32 holds, is 0 with the scale given."""
    made = to_int8(constant([[tiny, -tiny], [tiny, tiny]]), axis, empty=0.25)
    assert made.quantization is not None
    assert set(made.quantization.scale) == {0.25}
    assert made.array is not None
    assert not made.array.any()


def test_no_scale_is_below_the_least() -> None:
    """Of each channel its own least scale; of one scale for all, the largest of them."""
    weight, least = constant([[1.27, 0], [1.27, 0]]), np.array([0.5, 0.001])
    made = to_int8(weight, 0, least)
    assert made.quantization is not None
    assert made.quantization.scale == pytest.approx((0.5, 0.01))
    made = to_int8(weight, None, least)
    assert made.quantization is not None
    assert made.quantization.scale == (0.5,)


def test_float16_keeps_what_it_can_hold() -> None:
    """Rounded to half; a value that vanishes beside large ones is no loss."""
    half = to_float16(constant([1.0, 1 / 3, 1e-9]))
    assert half is not None
    assert half.array is not None
    assert half.array.tolist() == [1.0, float(np.float16(1 / 3)), 0.0]


@pytest.mark.parametrize("value", [[1e5, 1.0], [1e-9, 2e-9]])
def test_float16_refuses_what_it_cannot_hold(value: list[float]) -> None:
    """A value beyond its largest, or values of which nothing is left."""
    assert to_float16(constant(value)) is None
