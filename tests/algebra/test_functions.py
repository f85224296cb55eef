"""The functions of a step in float64."""

from __future__ import annotations

from math import exp, tanh

import numpy as np
import pytest

from rnnlite_pipeline.algebra.functions import ACTIVATIONS, FUNCTIONS, sigmoid


def logistic(z: float) -> float:
    """The textbook's sigmoid."""
    return 1.0 / (1.0 + exp(-z))


def test_sigmoid_far_out() -> None:
    """The sigmoid neither overflows nor leaves [0, 1] for numbers of any size."""
    with np.errstate(all="raise"):
        values = sigmoid(np.array([-1e30, -800.0, 0.0, 800.0, 1e30]))
    np.testing.assert_array_equal(values, [0.0, 0.0, 0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NONE", [-8.0, -0.5, 0.5, 8.0]),
        ("RELU", [0.0, 0.0, 0.5, 8.0]),
        ("RELU6", [0.0, 0.0, 0.5, 6.0]),
        ("RELU_N1_TO_1", [-1.0, -0.5, 0.5, 1.0]),
        ("TANH", [tanh(z) for z in (-8.0, -0.5, 0.5, 8.0)]),
        ("SIGMOID", [logistic(z) for z in (-8.0, -0.5, 0.5, 8.0)]),
    ],
)
def test_activations(name: str, expected: list[float]) -> None:
    """Each activation is the function of its name."""
    np.testing.assert_allclose(ACTIVATIONS[name](np.array([-8.0, -0.5, 0.5, 8.0])), expected)


def test_rows_are_divided_by_their_length() -> None:
    """L2_NORMALIZATION divides by the length of a row, and by 1e-6 where it is shorter."""
    rows = FUNCTIONS["L2_NORMALIZATION"](np.array([[3.0, -4.0], [0.0, 1e-9]]))
    np.testing.assert_allclose(rows, [[0.6, -0.8], [0.0, 1e-3]])


def test_a_quotient_is_rounded_down() -> None:
    """FLOOR_DIV rounds to minus infinity, not to zero."""
    assert FUNCTIONS["FLOOR_DIV"](np.array([-3.5, 3.5]), 2.0).tolist() == [-2.0, 1.0]
