"""From a trained Keras model to a release, through everything, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.fake.project import ROOT

CONFIG = """\
name: digits
version: 1.0.0
pipeline: release
source: {format: keras, path: digits-bilstm.keras}
recurrent: {time_major: true, lowering: fused}
verification:
  data: {path: digits-bilstm-test.npz}
  max_accuracy_drop: 0.0
metadata:
  description: Handwritten digits, row by row.
  author: a test
  license: MIT
  inputs: [{name: image, description: ink, dimensions: [batch, row, column], range: [0, 1]}]
  outputs: [{name: probabilities, description: one a digit}]
"""


def _run(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnlite_pipeline", command, "digits.yaml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, a briefly trained model and its test data."""
    folder = tmp_path_factory.mktemp("trained")
    script = ROOT / "examples" / "digits" / "train.py"
    command = [sys.executable, str(script), "digits-bilstm", str(folder), "2"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "digits.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def test_release_of_a_trained_model(trained: Path, tmp_path: Path) -> None:
    """One fused op, the source's accuracy, and the same bytes from another folder and time zone."""
    first = _run(trained, "package")
    assert first.returncode == 0, first.stderr
    with zipfile.ZipFile(trained / "build/digits/dist/digits-1.0.0.zip") as archive:
        told = json.loads(archive.read("verification.json"))
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert told["ops"]["model"]["BIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert not any(op == "WHILE" or op.startswith("Flex") for op in told["ops"]["model"])
    assert all(each["litert"] == each["source"] for each in told["accuracy"])
    assert str(trained).encode() not in everything

    for name in ("digits.yaml", "digits-bilstm.keras", "digits-bilstm-test.npz"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    second = _run(tmp_path, "package", TZ="Asia/Tokyo", PYTHONHASHSEED="5")
    assert second.returncode == 0, second.stderr
    beside = ("provenance.json", "test-result.json", "zip.sha256")
    released = ("zip", *beside)
    for name in ("model.tflite", *(f"dist/digits-1.0.0.{kind}" for kind in released)):
        bytes_of = [(folder / "build/digits" / name).read_bytes() for folder in (trained, tmp_path)]
        assert bytes_of[0] == bytes_of[1], name


def test_truncated_source_is_refused(trained: Path, tmp_path: Path) -> None:
    """A damaged .keras file ends with 1, one clear message, and no model."""
    (tmp_path / "digits.yaml").write_text(CONFIG, encoding="utf-8")
    for name in ("digits-bilstm.keras", "digits-bilstm-test.npz"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    source = tmp_path / "digits-bilstm.keras"
    source.write_bytes(source.read_bytes()[:50_000])
    ended = _run(tmp_path, "convert")
    assert ended.returncode == 1
    assert "digits-bilstm.keras" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "build" / "digits" / "model.tflite").exists()
