"""The weights of a source in fewer bits, for as long as its answers are taken."""

from __future__ import annotations

import numpy as np
import pytest

from tests.random_models.fewer_bits import Array, by_channel, by_tensor, rounded, to_half


class Variable:
    """What TensorFlow and Keras have of a variable."""

    def __init__(self, value: Array) -> None:
        self.value = value

    def __array__(self, dtype: object = None, copy: object = None) -> Array:
        """Its value."""
        return self.value

    def assign(self, value: Array) -> None:
        """Has another value from now on."""
        self.value = value


def test_a_weight_has_255_levels_of_the_tensor_or_of_each_channel() -> None:
    """A small channel beside a large one is 0 by the scale of the tensor, and kept by its own."""
    weight = np.array([[127.0, 0.4], [-63.3, -0.2]], np.float32)
    np.testing.assert_array_equal(by_tensor(weight), [[127.0, 0.0], [-63.0, 0.0]])
    np.testing.assert_allclose(by_channel(weight), [[127.0, 0.4], [-63.0, -0.2]], rtol=1e-2)


def test_a_bias_is_not_rounded_to_int8() -> None:
    """As in a converted model, biases keep their values; in float16 they do not."""
    bias = np.array([0.1, 100.0], np.float32)
    for rounding in (by_tensor, by_channel):
        np.testing.assert_array_equal(rounding(bias), bias)
    assert to_half(bias)[0] != bias[0]


def test_weights_are_restored_after_an_error() -> None:
    """The next answer is by the weights as they were, whatever happened."""
    weight = np.array([[127.0, 0.4]], np.float32)
    variables, seen = [Variable(weight), Variable(np.array([3]))], []

    def fail() -> None:
        with rounded(variables, by_tensor):
            seen.append(variables[0].value)
            raise ValueError("ran out")

    with pytest.raises(ValueError, match="ran out"):
        fail()
    np.testing.assert_array_equal(seen[0], [[127.0, 0.0]])
    np.testing.assert_array_equal(variables[0].value, weight)
