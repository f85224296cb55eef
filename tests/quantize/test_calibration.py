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
    ("shape", "count", "said"),
    [
        ((8, 4, 3), 5, "has 5 samples; the model takes 8 at a time"),
        ((-1, 4, 3), 0, "has 0 samples; the model takes 1 at a time"),
    ],
)
def test_too_few_samples_are_refused(
    tmp_path: Path, shape: tuple[int, ...], count: int, said: str
) -> None:
    """Where not one batch is whole, nothing would be measured."""
    inputs = {"x": Tensor("x", "FLOAT32", shape)}
    with pytest.raises(NotConvertible, match=said):
        list(batches(npz(tmp_path, x=normal(count)), inputs))


def test_an_input_of_rank_0_has_one_number_for_all_samples(tmp_path: Path) -> None:
    """It stands beside a batch of the others; alone it is one sample after the other."""
    scalar = {"rate": Tensor("rate", "FLOAT32", ())}
    path = npz(tmp_path, x=normal(40), rate=np.float32(0.5))
    read = list(batches(path, INPUTS | scalar))
    assert [len(each["x"]) for each in read] == [32, 8]
    assert [each["rate"].tolist() for each in read] == [0.5, 0.5]
    assert len(list(batches(path, scalar, count=3, rows=1))) == 3
    with pytest.raises(NotConvertible, match=r"shape \[2\]; expected \[\]"):
        list(batches(npz(tmp_path, rate=np.ones(2, np.float32)), scalar))


def test_a_model_whose_inputs_are_all_its_own_is_called_as_often_as_asked(tmp_path: Path) -> None:
    """Its states come from the calls themselves; the file's arrays are ignored."""
    assert list(batches(npz(tmp_path, x=normal(2)), {}, count=3, rows=1)) == [{}] * 3


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
