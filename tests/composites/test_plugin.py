"""The example package, as a user gets it: built as a wheel, installed, and named by a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake.project import ROOT

PLUGIN = ROOT / "examples" / "plugin"


def pip(*arguments: str) -> None:
    """Runs pip, which needs no index: the package stands beside it."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, "--no-deps"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("plugin")
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(PLUGIN))
    [wheel] = folder.glob("acme_rnnlite-*.whl")
    pip("install", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def run(command: str, out: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Runs rnnlite on the example's config with these folders on the path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    arguments = [command, "acme.yaml", "--out", str(out)]
    return subprocess.run(
        [sys.executable, "-m", "rnnlite_pipeline", *arguments],
        cwd=PLUGIN,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_installed_package_converts_its_cell(site: Path, tmp_path: Path) -> None:
    """With the wheel the model is one normalized, projected, fused op; without it, an error."""
    inspected = run("inspect", tmp_path, site)
    assert inspected.returncode == 0, inspected.stderr
    assert "memory is acme.NormalizedLSTM, by acme-rnnlite 1.0.0" in inspected.stdout
    found = json.loads((tmp_path / "acme" / "inspect.json").read_text(encoding="utf-8"))
    (layer,) = found["recurrences"]
    assert layer["op"] == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert (layer["layer_norm"], layer["projection"], layer["cell_clip"]) == (True, True, 3.0)
    assert found["composites"] == [
        {"name": "acme.NormalizedLSTM", "layer": "memory", "package": "acme-rnnlite 1.0.0"}
    ]
    verified = run("verify", tmp_path, site)
    assert verified.returncode == 0, verified.stderr

    without = run("convert", tmp_path)
    assert without.returncode == 1
    assert "Traceback" not in without.stderr
