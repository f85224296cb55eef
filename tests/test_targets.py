"""From one trained Keras model to a phone, a browser and a microcontroller, as a user writes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.runtimes import vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from tests.fake.project import ROOT

MODELS = ROOT / "examples" / "digits" / "models"

HEAD = """\
name: digits
pipeline: shipped
source: {format: keras, path: digits-bilstm.keras, inputs: {INPUT: [1, 8, 8]}}
verification: {data: {path: digits-test.npz}, max_accuracy_drop: 0.01, max_abs_error: 0.3}
"""

#: What each release adds.
RELEASES = {
    "phone": "targets: [litert-compiled]\nquantization: {scheme: dynamic_range}\n",
    "web": "targets: [litert-web]\n",
    "mcu": """\
targets: [tflm, ethos-u55]
quantization:
  {scheme: int8, calibration: {path: digits-calibration.npz}, input_type: int8, output_type: int8}
""",
}

#: The gates: what is on an NPU is on it as a whole.
PIPELINE = "stages: [validate, inspect, convert, verify]\ngates: {npu_share: 1.0}\n"


def _released(folder: Path, text: str) -> dict[str, Any]:
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "shipped.yaml").write_text(PIPELINE, encoding="utf-8")
    for name in ("digits-bilstm.keras", "digits-test.npz", "digits-calibration.npz"):
        shutil.copy(MODELS / name, folder)
    with np.load(MODELS / "digits-test.npz") as data:
        (port,) = set(data.files) - {"labels"}
    (folder / "digits.yaml").write_text((HEAD + text).replace("INPUT", port), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "rnnlite_pipeline", "verify", "digits.yaml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said: dict[str, Any] = json.loads((folder / "build/digits/verification.json").read_text())
    return said


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_one_model_three_releases(tmp_path: Path, release: str) -> None:
    """Each is proven by its runtime: run there, or compiled, all of it on the NPU."""
    needs = {"web": RUNNERS["litert-web"].missing(), "mcu": RUNNERS["tflm"].missing()}
    if reason := needs.get(release) or (vela.missing() if release == "mcu" else ""):
        pytest.skip(reason)
    said = _released(tmp_path, RELEASES[release])
    held = {name: each["held"] for name, each in said["targets"].items()}
    expected = {
        "phone": {"litert-compiled": "run"},
        "web": {"litert-web": "run"},
        "mcu": {"tflm": "run", "ethos-u55": "compiled"},
    }
    assert held == expected[release]
    assert said["passed"]
    runs = {check["kernels"] for check in said["checks"] if "kernels" in check}
    assert runs == {name for name in held if held[name] == "run"}
    if release == "mcu":
        assert said["targets"]["ethos-u55"]["npu_share"] == 1.0
