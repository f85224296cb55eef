"""The classes that outputs and labels name."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.compare.decisions import expectations, predictions

F = np.float32


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array([[0.1, 0.9], [0.8, 0.2]], F), [1, 0]),
        (np.array([[[0.1, 0.9], [0.8, 0.2]]], F), [[1, 0]]),
        (np.array([[0.4], [0.6]], F), [0, 1]),
        (np.array([[0.5]], F), [0]),
        (np.array([0.4, 0.6], F), [0, 1]),
        (np.array([3, 4]), [3, 4]),
        (np.array([[3], [4]]), [3, 4]),
    ],
)
def test_the_class_of_an_output(values: np.ndarray, classes: list[int]) -> None:
    """The largest of several, more than a half of one, an integer itself."""
    assert predictions(values).tolist() == classes


def test_labels_are_classes_or_rows_of_them() -> None:
    """Rows are told by their shape."""
    values = np.array([[0.1, 0.9], [0.8, 0.2]], F)
    assert expectations(values, np.array([[0, 1], [1, 0]])).tolist() == [1, 0]
    assert expectations(values, np.array([1, 0])).tolist() == [1, 0]
    one = np.array([[0.3], [0.7]], F)
    assert expectations(one, np.array([[0], [1]])).tolist() == [0, 1]
    assert expectations(np.array([0.3, 0.7], F), np.array([0, 1])).tolist() == [0, 1]
