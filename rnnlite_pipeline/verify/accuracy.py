"""How often an output is right.

Axes: N samples, T steps, C classes.
"""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.compare.decisions import expectations, predictions
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.verify.data import KEY


def accuracy(output: str, values: Array, labels: Array) -> float:
    """The share of right predictions.

    A float output of C > 1 classes, [N, C] or [N, T, C], predicts its largest class; one of a
    single value predicts 1 above 0.5 (a sigmoid's), else 0; an integer or boolean output is
    the prediction. Labels are class numbers [N] or [N, T], or one row of C a prediction.

    Args:
        output: The output's name, for the error.
        values: The output.
        labels: Its labels.

    Raises:
        VerificationFailed: The labels do not fit the output.
    """
    predicted, expected = predictions(values), expectations(values, labels)
    if predicted.shape != expected.shape:
        raise VerificationFailed(
            f'verification.data: the labels of output "{output}" have the shape '
            f"{list(labels.shape)}; the output has {list(values.shape)}.",
            f"Expected {list(predicted.shape)}: one class number for each prediction.",
            KEY,
        )
    return float(np.mean(predicted == expected))


def check_labels(file: str, output: str, values: Array, labels: Array) -> None:
    """Refuses labels that name no class of their output.

    Args:
        file: Where the labels are from, for the error.
        output: The output's name.
        values: The output, as for `accuracy`; C classes, or two where it is a single float.
        labels: Class numbers from 0 to C - 1; or rows of C, none of it negative.

    Raises:
        VerificationFailed: A label is negative, a fraction, not finite, or no class; it names the
            first such row of the file, counted from 0.
    """
    in_rows = labels.shape == values.shape and values.ndim > 1 and labels.shape[-1] > 1
    numbers = labels.astype(np.float64)
    wrong = ~np.isfinite(numbers) | (numbers < 0)
    classes = 0
    if not in_rows:
        wrong |= numbers != np.floor(numbers)
        if values.dtype.kind == "f":
            classes = values.shape[-1] if values.ndim > 1 and values.shape[-1] > 1 else 2
            wrong |= numbers >= classes
    if wrong.any():
        place = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        expected = f"a whole number from 0 to {classes - 1}" if classes else "a whole number from 0"
        raise VerificationFailed(
            f'verification.data: {file}, row {place[0]} (counted from 0): the label of "{output}"'
            f" is {numbers[place]:g}.",
            f"Expected {'values of at least 0' if in_rows else expected}; {int(wrong.sum())} of"
            f" {labels.size} labels are wrong in this way.",
            KEY,
        )
