"""The integers a scheme computes with: scales and zero points from ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import NUMPY, Quantization, Tensor

Range = tuple[float, float]

#: How many bits of a measured bound are kept, and how many must agree for two to be one.
_KEPT, _ALIKE = 11, 18

#: No range is narrower: a value that was always 0 needs a scale all the same.
NARROWEST = 1e-6

#: The largest bias in integers. An int32 sum needs room for its products: 2^30 holds those of
#: 32,000 terms. An int64 sum must stay below 2^47 (LiteRT's internal/common.cc,
#: MultiplyByQuantizedMultiplier), and a result of int16 is 2^15 times a multiplier of 2^-30.
LARGEST_BIAS = {"INT32": 2.0**30, "INT64": 2.0**45}

#: The least factor from a sum of products to its result: below 2^-31 kernels take it for 0
#: (internal/quantization_util.cc, QuantizeMultiplier), and the result with it.
LEAST_FACTOR = 2.0**-30


@dataclass(frozen=True)
class Numbers:
    """The dtypes of a scheme.

    Attributes:
        activation: INT8, asymmetric; or INT16, symmetric.
        bias: INT32, or INT64 for INT16 activations.
    """

    activation: str
    bias: str

    def of(self, low: float, high: float) -> Quantization:
        """The scale and zero point of an activation with this range, which holds 0."""
        low, high = min(low, 0.0), max(high, 0.0)
        if self.activation == "INT16":
            return symmetric(max(-low, high), 32767)
        scale = np.float32(max(high - low, NARROWEST) / 255.0)
        zero = int(np.clip(np.rint(-128 - low / scale), -128, 127))
        return Quantization((float(scale),), (zero,), (low,), (high,))

    def fixed(self, low: float) -> Quantization:
        """The output of SOFTMAX and LOGISTIC (low 0) or TANH (low -1), as their kernels fix it."""
        if self.activation == "INT16":
            return Quantization((1 / 32768,), (0,))
        return Quantization((1 / 256,), (-128,)) if low == 0 else Quantization((1 / 128,), (0,))


SCHEMES = {"int8": Numbers("INT8", "INT32"), "int16x8": Numbers("INT16", "INT64")}


def steady(bound: float) -> float:
    """A measured bound, moved away from zero by at most 0.1 % to one of eleven bits.

    Kernels round in another order on another CPU, and the bounds they give differ in their last
    bits. With this the model is the same to the byte. A bound that is not finite stays.
    """
    if not math.isfinite(bound):
        return bound
    mantissa, exponent = math.frexp(bound)
    kept = math.ceil(math.ldexp(abs(mantissa) * (1 - 2.0**-_ALIKE), _KEPT))
    return math.copysign(math.ldexp(kept, exponent - _KEPT), bound)


def symmetric(largest: float, levels: int) -> Quantization:
    """One scale, zero point 0."""
    return Quantization((float(np.float32(max(largest, NARROWEST) / levels)),), (0,))


def power_of_two(largest: float, least: float) -> Quantization:
    """An int16 scale that is a power of two, of a range that reaches to `least` or further."""
    exponent = math.ceil(math.log2(max(largest * 32768 / 32767, least)))
    return Quantization((2.0 ** (exponent - 15),), (0,))


def stored(name: str, value: NDArray[np.float64], dtype: str, quantization: Quantization) -> Tensor:
    """A constant in integers; one scale, or one for each index of `quantization.axis`."""
    shape = [1] * value.ndim
    if len(quantization.scale) > 1:
        shape[quantization.axis] = -1
    scale = np.array(quantization.scale).reshape(shape)
    zero = np.array(quantization.zero_point).reshape(shape)
    limits = np.iinfo(NUMPY[dtype])
    rounded = np.clip(np.rint(value / scale) + zero, limits.min, limits.max)
    tensor = Tensor.constant(name, rounded.astype(NUMPY[dtype]))
    tensor.quantization = quantization
    return tensor


def least_weight_scale(
    x: Quantization, y: float, bias: Tensor | None, dtype: str
) -> NDArray[np.float64] | float:
    """The least scale that weights may have: where x is tiny, a bias in its scale would overflow.

    A larger scale rounds weights more. But what it rounds off is below 2^-22 of the bias, or of a
    step of the result, for each term of a sum, because x is so small.

    Args:
        x: The input's.
        y: The scale of the result.
        bias: Float32 [channels].
        dtype: The bias's in integers.

    Returns:
        A number for each channel, or one for all.
    """
    least = LEAST_FACTOR * y / x.scale[0]
    if bias is None:
        return least
    value = np.abs(np.asarray(bias.array, np.float64))
    return np.maximum(least, value / (x.scale[0] * LARGEST_BIAS[dtype]))


def product(a: Quantization, b: Quantization, axis: int = 0) -> Quantization:
    """The scale of a sum of products, which a bias has: per channel if `b` is."""
    scales = tuple(float(np.float32(a.scale[0]) * np.float32(s)) for s in b.scale)
    return Quantization(scales, (0,) * len(scales), axis=axis)
