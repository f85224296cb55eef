"""A step on numbers: the specification."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.functions import ACTIVATIONS

Array = NDArray[Any]

#: Layer normalization's epsilon in the runtime's LSTM kernels (tensor_utils.cc,
#: kNormalizationConstant of MeanStddevNormalization).
LAYER_NORM_EPSILON = 1e-8


class Numbers:
    """The algebra of arrays, in the precision they come in."""

    @property
    def one(self) -> Array:
        """1."""
        return np.ones(())

    def times(self, value: Array, matrix: Array, _name: str) -> Array:
        """`Algebra.times`."""
        return np.asarray(value @ matrix.T)

    def scaled(self, value: Array, diagonal: Array, _name: str) -> Array:
        """`Algebra.scaled`."""
        return np.asarray(value * diagonal)

    def shifted(self, value: Array, bias: Array, _name: str) -> Array:
        """`Algebra.shifted`."""
        return np.asarray(value + bias)

    def normalized(self, value: Array, scale: Array, _name: str) -> Array:
        """`Algebra.normalized`, with the runtime's epsilon."""
        deviation = value - value.mean(axis=-1, keepdims=True)
        variance = np.mean(deviation**2, axis=-1, keepdims=True)
        return np.asarray(deviation / np.sqrt(variance + LAYER_NORM_EPSILON) * scale)

    def activation(self, function: str, value: Array) -> Array:
        """`Algebra.activation`."""
        return np.asarray(ACTIVATIONS[function](value))

    def clip(self, value: Array, bound: float) -> Array:
        """`Algebra.clip`."""
        return np.clip(value, -bound, bound) if bound > 0 else value

    def let(self, _name: str, value: Array, _called: str) -> Array:
        """The value itself."""
        return value

    def new(self, _k: int, _name: str, value: Array, _called: str) -> Array:
        """The value itself."""
        return value
