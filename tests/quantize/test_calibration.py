"""Calibration data: read in pieces, and refused where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.quantize.calibration import BATCH, batches, check_alike

INPUTS = {"x": Tensor("x", "FLOAT32", (-1, 4, 3))}


def npz(folder: Path, file: str = "c.npz", **arrays: Any) -> Path:
    """An .npz of these arrays."""
    path = folder / file
    np.savez(path, **arrays)
    return path


def normal(count: int, scale: float = 1.0) -> np.ndarray:
    """Samples for x."""
    return np.random.default_rng(0).normal(0, scale, (count, 4, 3)).astype(np.float32)


@pytest.mark.parametrize(("count", "wanted"), [(None, 100), (70, 70), (500, 100)])
def test_samples_come_in_their_order_a_batch_at_a_time(
    tmp_path: Path, count: int | None, wanted: int
) -> None:
    """No more rows than a batch are read at once, and as many as the config says in all."""
    x = normal(100)
    read = [each["x"] for each in batches(npz(tmp_path, x=x, labels=x), INPUTS, count)]
    assert max(map(len, read)) == BATCH
    np.testing.assert_array_equal(np.concatenate(read), x[:wanted])


def test_a_closed_batch_gets_whole_batches(tmp_path: Path) -> None:
    """What is left over at the end is not fed."""
    fixed = {"x": Tensor("x", "FLOAT32", (8, 4, 3))}
    read = list(batches(npz(tmp_path, x=normal(20)), fixed))
    assert [len(each["x"]) for each in read] == [8, 8]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": normal(3)}, "no array for the input 'x'"),
        ({"x": normal(3)[:, :2]}, r"shape \[3, 2, 3\]; expected \['N', 4, 3\]"),
        ({"x": normal(3).astype(np.float64)}, "of float64; expected float32"),
        ({"x": np.full((3, 4, 3), np.nan, np.float32)}, "NaN"),
        ({"x": np.asfortranarray(normal(3))}, "Fortran order"),
    ],
)
def test_wrong_data_is_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    """What is wrong is named, with the array."""
    with pytest.raises(NotConvertible, match=said):
        list(batches(npz(tmp_path, **arrays), INPUTS))


def test_data_unlike_the_verification_data_is_told_or_refused(tmp_path: Path) -> None:
    """Alike passes; a range too wide or somewhat too narrow warns; another scale is refused."""
    verification = npz(tmp_path, "v.npz", x=normal(50))

    def alike(scale: float) -> list[str]:
        path = npz(tmp_path, f"{scale}.npz", x=normal(50, scale))
        return check_alike(path, verification, INPUTS, 50)

    assert alike(1.0) == []
    assert "resolution is lost" in alike(50.0)[0]
    assert "outside" in alike(0.6)[0]
    with pytest.raises(NotConvertible, match="run from"):
        alike(0.01)
