"""The tutorial of the LSTM ops API, from training to a quantized model, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake.project import ROOT

CONFIG = (ROOT / "configs" / "digits-lstm-ops.yaml").read_text(encoding="utf-8")


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tutorial_ends_as_two_quantized_fused_ops(tmp_path: Path) -> None:
    """Briefly trained, the tutorial's model is two fused ops with int8 weights, and verified."""
    trained = _run("-m", "examples.lstm_ops_digits.train", str(tmp_path), "5", folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    config = CONFIG.replace("../examples/lstm_ops_digits/models/", "").replace("0.95", "0.7")
    (tmp_path / "digits.yaml").write_text(config, encoding="utf-8")
    verified = _run("-m", "rnnlite_pipeline", "verify", "digits.yaml", folder=tmp_path)
    assert verified.returncode == 0, verified.stderr
    out = tmp_path / "build" / "digits-lstm-ops"
    told = json.loads((out / "verification.json").read_text(encoding="utf-8"))
    assert told["ops"]["model"]["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 2
    size = (out / "model.tflite").stat().st_size
    assert size < 0.3 * (tmp_path / "digits-lstm-ops.pb").stat().st_size


@pytest.mark.slow
def test_training_is_deterministic(tmp_path: Path) -> None:
    """Two trainings leave the same bytes: the frozen graph and its test data."""
    made = []
    for name in "ab":
        folder = tmp_path / name
        trained = _run("-m", "examples.lstm_ops_digits.train", str(folder), "2", folder=tmp_path)
        assert trained.returncode == 0, trained.stderr
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert set(made[0]) == {"digits-lstm-ops.pb", "digits-lstm-ops-test.npz"}
    assert made[0] == made[1]
