"""What an output predicts, and how often it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.verify.accuracy import accuracy

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
