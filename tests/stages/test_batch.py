"""The stage batch: some calls of the verification data, left for verify."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.stages.batch import batch
from tests.verify.test_batches import SAMPLES, _dense, config

__all__ = ["config"]


def _folder(tmp_path: Path) -> Path:
    """A model's folder; the model and the import of its source are one file."""
    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    for path in (out / "model.tflite", out / ".work" / "source.tflite"):
        path.write_bytes(_dense(1.0))
    return out


def test_each_part_leaves_its_own_calls(config: Config, tmp_path: Path) -> None:
    """Both parts together have every sample once, of the source and of each set of kernels."""
    out = _folder(tmp_path)
    for number in range(2):
        batch(config, out, Part(number, 2))
    files = sorted((out / BATCHES).glob("*.npz"))
    assert [path.name for path in files] == ["001-of-002.npz", "002-of-002.npz"]
    rows = 0
    for path in files:
        with np.load(path) as arrays:
            rows += sum(len(a) for a in arrays.values() if a.ndim == 2 and a.shape[1] == 3)
    assert rows == SAMPLES * (1 + 2)  # second calls are as the first


def test_data_that_is_not_the_models_is_refused(config: Config, tmp_path: Path) -> None:
    """Wrong data fails the part with the file's name, and leaves nothing."""
    out, data = _folder(tmp_path), tmp_path / "data.npz"
    np.savez(data, x=np.zeros((4, 7), np.float32))
    with pytest.raises(VerificationFailed, match=r"data\.npz"):
        batch(config, out, Part(0, 2))
    assert not (out / BATCHES).exists()
