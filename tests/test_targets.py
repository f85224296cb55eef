"""From one trained Keras model to a phone, a browser and a microcontroller, by one config."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.runtimes import vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.runtimes.web import WebRunner
from tests.fake.project import ROOT

CONFIG = ROOT / "examples" / "targets" / "digits.yaml"
MODELS = ROOT / "examples" / "digits" / "models"

#: How each release is held to its targets.
RELEASES = {
    "phone": {"litert-compiled": "run"},
    "web": {"litert-web": "run"},
    "mcu": {"tflm": "run", "ethos-u55": "compiled"},
}

#: What of each release's code must be there.
CODE = {
    "phone": ["android/DigitsEverywherePhoneCompiled.kt", "cpp/digits_everywhere_phone_compiled.h"],
    "web": ["web/digits_everywhere_web.mjs"],
    "mcu": ["tflm/digits_everywhere_mcu.h", "tflm/CMakeLists.txt"],
}

#: Computes the source's answers.
_SOURCE = """
import sys, numpy as np, keras
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2])["image"][:20], verbose=0))
"""


def _python(*arguments: str | Path) -> None:
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_one_model_three_releases(tmp_path: Path, release: str) -> None:
    """Each is proven by its runtime, run there or compiled, and has the code for it."""
    needs = {"web": RUNNERS["litert-web"].missing(), "mcu": RUNNERS["tflm"].missing()}
    if reason := needs.get(release) or (vela.missing() if release == "mcu" else ""):
        pytest.skip(reason)
    _python("-m", "rnnlite_pipeline", "package", f"{CONFIG}/{release}", "--out", tmp_path)
    out = tmp_path / f"digits-everywhere-{release}"
    said: dict[str, Any] = json.loads((out / "verification.json").read_text())
    assert said["passed"]
    held = {name: each["held"] for name, each in said["targets"].items()}
    assert held == RELEASES[release]
    runs = {check["kernels"] for check in said["checks"] if "kernels" in check}
    assert runs == {name for name in held if held[name] == "run"}
    if release == "mcu":
        assert said["targets"]["ethos-u55"]["npu_share"] == 1.0
    (bundle,) = (out / "dist").glob("*.zip")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    for name in CODE[release]:
        assert (tmp_path / "bundle" / "deploy" / name).is_file()
    if release == "web":
        _check_in_browser(tmp_path)


def _check_in_browser(folder: Path) -> None:
    """The module of the bundle loads its model, and its numbers are those of the Keras model."""
    web = folder / "bundle" / "deploy" / "web"
    (web / "digits_everywhere_web.mjs").rename(web / "m.mjs")
    shutil.copy(ROOT / "tests" / "release" / "run.mjs", web)
    data = MODELS / "digits-test.npz"
    _python("-c", _SOURCE, MODELS / "digits-bilstm.keras", data, folder / "source.npy")
    runner = WebRunner((folder / "bundle" / "model.tflite").read_bytes(), web)
    with np.load(data) as arrays:
        images = arrays["image"][:20]
    found = [next(iter(runner.run({"image": image[None]}).values())) for image in images]
    runner.close()
    np.testing.assert_allclose(found, np.load(folder / "source.npy"), atol=1e-5)
