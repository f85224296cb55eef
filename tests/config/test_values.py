"""The values of arrays, read without NumPy, are those that NumPy reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.config.arrays import read_headers
from rnnlite_pipeline.config.values import first_not_finite, numbers, read_values

FLOATS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]


def _stored(folder: Path, array: NDArray[Any]) -> tuple[Any, bytes]:
    path = folder / "a.npz"
    np.savez_compressed(path, a=array)
    return read_headers(path)["a"], read_values(path, "a")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_first_row_that_is_not_finite(dtype: str, order: Any, tmp_path: Path) -> None:
    """Random bits of any width, byte order and layout: the row is one that NumPy finds, or none."""
    draw = np.random.default_rng(int(dtype[2:]))
    size = int(dtype[2:])
    for share in (0.0, 0.02, 0.5):
        bits = draw.integers(0, 256, (6 * 5 * 3 * size,), np.uint8)
        array = np.array(bits.view(dtype).reshape(6, 5, 3), order=order)
        keep = draw.random(array.shape) >= share
        array[keep & ~np.isfinite(array)] = 1
        header, values = _stored(tmp_path, array)
        rows = set(np.nonzero(~np.isfinite(array))[0].tolist())
        found = first_not_finite(header, values)
        assert found in rows if rows else found is None


@pytest.mark.parametrize("dtype", [*FLOATS, "|b1", "|i1", "|u1", "<i2", ">i4", "<i8", "<u4"])
def test_the_numbers_of_an_array(dtype: str, tmp_path: Path) -> None:
    """Each number comes with its row, whatever the dtype."""
    array = np.arange(6).reshape(3, 2).astype(dtype)
    found = list(numbers(*_stored(tmp_path, array)))
    assert found == [(place // 2, value) for place, value in enumerate(array.ravel().tolist())]


def test_integers_are_finite(tmp_path: Path) -> None:
    """An integer whose bytes are those of NaN is no NaN."""
    array = np.full((2, 2), -1, np.int32)
    assert first_not_finite(*_stored(tmp_path, array)) is None
