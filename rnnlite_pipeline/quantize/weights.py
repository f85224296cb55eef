"""Weights in fewer bits: int8 with one scale a tensor or a channel, and float16."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import Quantization, Tensor

#: The largest stored magnitude: -128 is left out, as the int8 kernels demand of weights.
LEVELS = 127

#: The least scale, float32's least normal number. XNNPACK refuses a smaller one; 0 is none at all.
_LEAST_SCALE = np.finfo(np.float32).tiny


def to_int8(
    tensor: Tensor,
    axis: int | None,
    least: NDArray[np.float64] | float = 0.0,
    empty: float = 1.0 / LEVELS,
) -> Tensor:
    """The weight in int8, symmetric: real = scale * stored.

    Args:
        tensor: A float32 constant.
        axis: The dimension with a scale for each index, or None for one scale.
        least: No scale is less: one number, or one for each index; their largest for one scale.
        empty: The scale of what is 0 throughout, or so near to 0 that it has no scale.
    """
    value = _array(tensor).astype(np.float64)
    others = tuple(a for a in range(value.ndim) if a != axis)
    largest = np.abs(value).max(axis=others, keepdims=True) if axis is not None else _peak(value)
    scale = largest.astype(np.float32) / np.float32(LEVELS)
    scale = np.where(scale >= _LEAST_SCALE, scale, empty)
    limit = np.max(least)
    if axis is not None:
        shape = [-1 if a == axis else 1 for a in range(value.ndim)]
        limit = np.broadcast_to(least, value.shape[axis]).reshape(shape)
    scale = np.maximum(scale, limit).astype(np.float32)
    stored = np.clip(np.rint(value / scale), -LEVELS, LEVELS).astype(np.int8)
    made = Tensor.constant(tensor.name, stored)
    scales = tuple(float(s) for s in np.ravel(scale))
    made.quantization = Quantization(scales, (0,) * len(scales), axis=axis or 0)
    return made


def to_float16(tensor: Tensor) -> Tensor | None:
    """The weight in float16; None where a value is too large or vanishes there."""
    value = _array(tensor)
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all() or np.any((half == 0) & (np.abs(value) > 1e-30)):
        worst = np.abs(half.astype(np.float64) - value).max()
        if not np.isfinite(worst) or worst > 2**-11 * float(np.abs(value).max()):
            return None
    return Tensor.constant(tensor.name, half)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array = tensor.array
    assert array is not None, tensor
    return array.astype(np.float32)


def _peak(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(value).max(keepdims=True) if value.size else np.ones((1,) * value.ndim)
