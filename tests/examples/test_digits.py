"""The example models train alike every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake.project import ROOT


def _train(name: str, folder: Path, *epochs: str) -> dict[str, bytes]:
    command = [sys.executable, "-m", "examples.digits.train", name, str(folder)]
    subprocess.run([*command, *epochs], cwd=ROOT, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_training_is_deterministic(tmp_path: Path) -> None:
    """Two trainings leave the same bytes: weights, config, test and calibration data."""
    first, second = (_train("digits-bilstm", tmp_path / each, "1") for each in "ab")
    assert set(first) == {"digits-bilstm.keras", "digits-test.npz", "digits-calibration.npz"}
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-bilstm", "digits-stacked"])
def test_whole_training_is_deterministic(tmp_path: Path, name: str) -> None:
    """The whole training as well, for both models."""
    assert _train(name, tmp_path / "a") == _train(name, tmp_path / "b")
