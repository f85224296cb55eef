"""What the two digit examples share: the digits, and how arrays are saved.

A digit is 8 rows of 8 pixels, and the rows are read as a sequence. The digits come with
scikit-learn.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from rnnlite_pipeline.files import FIRST_MOMENT, write_atomically, zip_bytes

#: Of the shuffle, and of each model's weights.
SEED = 7

#: How many digits no model is trained on.
TEST_SAMPLES = 360


class Digits(NamedTuple):
    """Images [N, row, column], float32 from 0 (no ink) to 1, and the digit [N] that each shows."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def training_and_test() -> tuple[Digits, Digits]:
    """All digits, parted by one fixed shuffle."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    images = (digits.images[order] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int64)
    split = len(labels) - TEST_SAMPLES
    return Digits(images[:split], labels[:split]), Digits(images[split:], labels[split:])


def save_arrays(path: Path, **arrays: npt.NDArray[np.generic]) -> None:
    """An .npz that is the same to the byte for equal arrays: NumPy's own holds the time of day."""
    members = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    write_atomically(path, zip_bytes(members, FIRST_MOMENT))
