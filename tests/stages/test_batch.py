"""The stage batch: the outputs of a part of the data, or the error that verify has too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.stages.batch import batch
from tests.verify.test_batches import config, folder

__all__ = ["config"]  # a fixture


def test_a_part_holds_its_calls_alone(config: Config, tmp_path: Path) -> None:
    """Five calls in two parts: the first one has two, on the source and on both sets of kernels."""
    out = folder(tmp_path, "out")
    batch(config, out, Part(0, 2))
    with np.load(out / BATCHES / "001-of-002.npz") as made:
        shapes = [made[name].shape for name in made.files if name != "about"]
    assert shapes == [(64, 3)] * 6


def test_data_of_another_model_is_an_error(config: Config, tmp_path: Path) -> None:
    """No part is left of data that the source does not take."""
    out = folder(tmp_path, "out")
    np.savez(tmp_path / "data.npz", z=np.zeros((4, 3), np.float32))
    with pytest.raises(VerificationFailed, match='has no array "x"'):
        batch(config, out, Part(0, 2))
    assert not (out / BATCHES).exists()
