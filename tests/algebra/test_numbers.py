"""The specification's operations, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra.algebra import Algebra
from rnnlite_pipeline.algebra.numbers import LAYER_NORM_EPSILON, Numbers

M: Algebra[np.ndarray] = Numbers()
X = np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]])


def test_a_matrix_is_out_by_in() -> None:
    """`matrix` [out, in] takes a row [B, in] to [B, out]."""
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert M.times(X, matrix, "W").tolist() == [[1.0, 8.0], [0.0, 0.0]]


def test_rows_of_weights() -> None:
    """Scaled and shifted column by column."""
    row = np.array([1.0, 2.0, 3.0])
    assert M.scaled(X, row, "p").tolist() == [[1.0, 4.0, 18.0], [0.0, 0.0, 0.0]]
    assert M.shifted(X, row, "b").tolist() == [[2.0, 4.0, 9.0], [1.0, 2.0, 3.0]]
    assert (M.one - X).tolist() == [[0.0, -1.0, -5.0], [1.0, 1.0, 1.0]]


def test_the_layer_norm_has_the_epsilon_of_the_runtime() -> None:
    """Over columns, with the variance of the population; a row of equal numbers gives zeros."""
    normalized = M.normalized(X, np.array([1.0, 1.0, 2.0]), "l")
    deviation = np.array([-2.0, -1.0, 3.0]) / np.sqrt(14 / 3 + LAYER_NORM_EPSILON)
    np.testing.assert_allclose(normalized, [deviation * [1, 1, 2], [0, 0, 0]])
    tiny = np.array([[-1e-5, 1e-5]])
    np.testing.assert_allclose(M.normalized(tiny, np.ones(2), "l"), tiny / np.sqrt(1e-10 + 1e-8))


def test_a_clip_of_zero_is_none() -> None:
    """A bound is on both sides; the runtime's 0 stands for no clip."""
    assert M.clip(X - 2.0, 1.0).tolist() == [[-1.0, 0.0, 1.0], [-1.0, -1.0, -1.0]]
    assert M.clip(X, 0.0) is X


@pytest.mark.parametrize(
    ("function", "want"), [("NONE", 3.0), ("RELU", 3.0), ("RELU_N1_TO_1", 1.0), ("RELU6", 3.0)]
)
def test_activations_by_name(function: str, want: float) -> None:
    """By the names of the schema."""
    assert M.activation(function, np.array(3.0)) == want


def test_names_do_not_change_numbers() -> None:
    """A quantity or a new state is its value."""
    assert M.let("i", X, "input gate") is X
    assert M.new(0, "h", X, "new state") is X
