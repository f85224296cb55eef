"""From a trained Keras model to a release, through everything, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.fake.project import ROOT

CONFIG = """\
name: digits
version: 1.0.0
pipeline: release
source: {format: keras, path: digits-bilstm.keras}
recurrent: {time_major: true, lowering: fused}
verification:
  data: {path: digits-test.npz}
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


def _lay_out(folder: Path) -> None:
    """A config, a trained model and its test data."""
    folder.mkdir(exist_ok=True)
    for name in ("digits-bilstm.keras", "digits-test.npz"):
        shutil.copy(ROOT / "examples" / "digits" / "models" / name, folder)
    (folder / "digits.yaml").write_text(CONFIG, encoding="utf-8")


def test_release_of_a_trained_model(tmp_path: Path) -> None:
    """One fused op, the source's accuracy, and the same bytes from another folder and time zone.

    What was measured in one of the folders shows in its report, and not in its release.
    """
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        _lay_out(folder)
    first = _run(here, "package")
    assert first.returncode == 0, first.stderr
    with zipfile.ZipFile(here / "build/digits/dist/digits-1.0.0.zip") as archive:
        told = json.loads(archive.read("verification.json"))
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert told["ops"]["model"]["BIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert not any(op == "WHILE" or op.startswith("Flex") for op in told["ops"]["model"])
    assert all(each["litert"] == each["source"] for each in told["accuracy"])
    assert str(here).encode() not in everything

    for command in ("benchmark", "package"):
        second = _run(there, command, TZ="Asia/Tokyo", PYTHONHASHSEED="5")
        assert second.returncode == 0, second.stderr
    reports = [(f / "build/digits/report.html").read_text("utf-8") for f in (here, there)]
    assert ["Where the time goes" in report for report in reports] == [False, True]
    beside = ("provenance.json", "test-result.json", "zip.sha256")
    released = ("zip", *beside)
    for name in ("model.tflite", *(f"dist/digits-1.0.0.{kind}" for kind in released)):
        bytes_of = [(folder / "build/digits" / name).read_bytes() for folder in (here, there)]
        assert bytes_of[0] == bytes_of[1], name


def test_truncated_source_is_refused(tmp_path: Path) -> None:
    """A damaged .keras file is an error with its place in the config, status 2, and no model."""
    _lay_out(tmp_path)
    source = tmp_path / "digits-bilstm.keras"
    source.write_bytes(source.read_bytes()[:50_000])
    ended = _run(tmp_path, "convert")
    assert ended.returncode == 2
    assert "digits.yaml:4:31: source.path: " in ended.stderr
    assert "digits-bilstm.keras" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "build" / "digits" / "model.tflite").exists()
