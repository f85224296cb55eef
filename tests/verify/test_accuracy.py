"""What an output predicts, and how often it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.verify.accuracy import accuracy, check_labels

CLASSES = [[0.1, 0.9], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]]


@pytest.mark.parametrize(
    ("values", "labels", "expected"),
    [
        (CLASSES, [1, 0, 1, 0], 0.75),
        (CLASSES, [[0, 1], [1, 0], [0, 1], [1, 0]], 0.75),
        ([CLASSES], [[1, 0, 1, 0]], 0.75),
        ([[0.9], [0.2], [0.6], [0.5]], [1, 0, 0, 0], 0.75),
        ([[0.9], [0.2], [0.6], [0.5]], [[1], [0], [0], [0]], 0.75),
        ([0.9, 0.2, 0.6, 0.5], [1, 0, 0, 0], 0.75),
        ([[[0.9], [0.1]], [[0.9], [0.1]]], [[1, 0], [0, 0]], 0.75),
    ],
    ids=["classes", "one-hot", "sequence", "sigmoid", "column", "flat", "sigmoid sequence"],
)
def test_accuracy_of_each_kind_of_output(values: Any, labels: Any, expected: float) -> None:
    """Three of four are right, whether classes, sequences, one-hot rows or a sigmoid."""
    assert accuracy("y", np.array(values, np.float32), np.array(labels)) == expected


def test_an_integer_output_is_its_own_prediction() -> None:
    """Class numbers that the model puts out itself are compared as they are."""
    assert accuracy("y", np.array([3, 2, 5]), np.array([3, 2, 1])) == pytest.approx(2 / 3)


def test_labels_that_do_not_fit_are_refused() -> None:
    """Labels of the last step for a whole sequence are named with both shapes."""
    with pytest.raises(VerificationFailed, match=r'"y" have the shape \[1\]; the output has'):
        accuracy("y", np.array([CLASSES], np.float32), np.array([1]))


@pytest.mark.parametrize(
    ("values", "labels", "row", "said"),
    [
        (CLASSES, [1, 0, 2, 0], 2, "is 2"),
        (CLASSES, [1, -1, 0, 0], 1, "is -1"),
        (CLASSES, [1, 0, 0, 0.5], 3, "is 0.5"),
        (CLASSES, [np.nan, 0, 0, 0], 0, "is nan"),
        (CLASSES, [[0, 1], [1, 0], [0, -1], [1, 0]], 2, "is -1"),
        ([[0.9], [0.2], [0.6], [0.5]], [[1], [0], [2], [0]], 2, "is 2"),
    ],
    ids=["outside", "negative", "fraction", "NaN", "negative in a row", "sigmoid"],
)
def test_labels_that_are_no_class(values: Any, labels: Any, row: int, said: str) -> None:
    """A label that names no class is an error of the config's data, with the file and the row."""
    with pytest.raises(VerificationFailed, match=f"t.npz, row {row} ") as told:
        check_labels("t.npz", "y", np.array(values, np.float32), np.array(labels))
    assert said in str(told.value)
    assert told.value.key == ("verification", "data", "path")


def test_labels_that_are_classes() -> None:
    """Whole numbers may be stored as floats; class numbers that the model itself gives are free."""
    check_labels("t.npz", "y", np.array(CLASSES, np.float32), np.array([1.0, 0.0, 0.0, 1.0]))
    check_labels("t.npz", "y", np.array([3, 20, 5]), np.array([3, 2, 100]))
