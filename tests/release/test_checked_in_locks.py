"""The locks of configs/: what is built from them here is what was checked in."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import pytest

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.files import FIRST_MOMENT, zip_bytes
from rnnlite_pipeline.release.lock import read_lock
from tests.fake.project import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_locked_build_matches(config: Path, tmp_path: Path) -> None:
    """Every config of this repository, converted anew, gives its lock's model to the byte."""
    ended = subprocess.run(
        [sys.executable, "-m", "rnnlite_pipeline", "convert", config, "--locked"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"{config.stem}.lock.json: matches" in ended.stdout


def test_each_config_has_a_lock_and_each_lock_a_config() -> None:
    """Nothing in configs/ is left unlocked, or left over."""
    locks = {path.name.removesuffix(".lock.json") for path in CONFIGS[0].parent.glob("*.lock.json")}
    assert locks == {path.stem for path in CONFIGS}


def test_a_lock_names_no_python() -> None:
    """One lock holds for every Python that the packages run on."""
    for config in CONFIGS:
        assert "toolchain.python" not in read_lock(config.with_suffix(".lock.json"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configs and their models in a folder that a test may change, which is the working one."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    models = Path("examples", "digits", "models")
    shutil.copytree(ROOT / models, tmp_path / models)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _refused(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The differences that a locked build of the copy shows, before anything runs."""
    assert main(["package", "configs/digits-bilstm.yaml", "--locked"]) == 1
    told = capsys.readouterr()
    assert not told.out
    head, *lines, remedy = told.err.splitlines()
    assert head == "error: The build is not the one that configs/digits-bilstm.lock.json locks."
    assert remedy.endswith("`rnnlite lock configs/digits-bilstm.yaml` and review the difference.")
    return lines


def test_a_changed_weight_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One weight of the model, moved by a thousandth, is another source."""
    path = copy / "examples" / "digits" / "models" / "digits-bilstm.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file["layers/dense/vars/1"][0] += 1e-3
    path.write_bytes(zip_bytes(members | {"model.weights.h5": weights.getvalue()}, FIRST_MOMENT))
    (line,) = _refused(capsys)
    assert line.startswith("  source: locked ")


def test_a_changed_config_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its key is named, with what it was and what it is."""
    path = copy / "configs" / "digits-bilstm.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("min_accuracy: 0.97", "min_accuracy: 0.9"), encoding="utf-8")
    assert _refused(capsys) == ["  config.verification.min_accuracy: locked 0.97, now 0.9"]


def test_a_changed_toolchain_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of another version is named, with both versions."""
    monkeypatch.syspath_prepend(_installed(copy, "flatbuffers"))
    (line,) = _refused(capsys)
    assert line.startswith("  toolchain.flatbuffers: locked 2")
    assert line.endswith(", now 99.0")


def test_a_package_that_brings_converters_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the lock does not know of could convert what rnnlite itself did."""
    converters = "[rnnlite.converters]\nlstm_* = acme:convert\n"
    monkeypatch.syspath_prepend(_installed(copy, "acme-rnnlite", converters))
    assert _refused(capsys) == ["  toolchain.acme-rnnlite: locked nothing, now 99.0"]


def _installed(folder: Path, package: str, entry_points: str = "") -> str:
    """A folder in which version 99.0 of a package is installed, as far as its metadata says."""
    about = folder / "site" / f"{package.replace('-', '_')}-99.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n")
    (about / "entry_points.txt").write_text(entry_points)
    return str(about.parent)
