"""The graph of this repository, as doit sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlite_pipeline.tasks.graph import GROUPS
from tests.fake.project import ROOT


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's graph, configs and package, without any model."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("rnnlite_pipeline", "pipelines", "examples", "configs"):
        ignored = shutil.ignore_patterns("__pycache__", "models")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("dodo.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


def _doit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "doit", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_list_has_every_stage_of_every_config(copy: Path) -> None:
    """`doit list --all` shows STAGE:NAME for each config."""
    listed = _doit(copy, "list", "--all", "--quiet").stdout.split()
    names = [path.stem for path in (copy / "configs").glob("*.yaml")]
    assert names
    groups = GROUPS.keys() - {
        "search",
        "reference",
        "candidate",
        "batch",
    }  # no config asks for them
    assert {f"{group}:{name}" for group in groups for name in names} <= set(listed)


def test_dodo_has_no_logic() -> None:
    """dodo.py stays under 60 lines and decides nothing."""
    lines = (ROOT / "dodo.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60
    assert not any(line.strip().startswith(("if ", "for ", "while ", "try")) for line in lines)


@pytest.mark.parametrize("name", ["digits-bilstm", "digits-stacked", "digits-lstm-ops"])
def test_nothing_waits_for_a_training(copy: Path, name: str) -> None:
    """Trained models are checked in, so each training is a task by itself, never another's need."""
    assert "train" not in _doit(copy, "info", f"import:{name}").stdout
    assert f"train:{name}" in _doit(copy, "list", "--all", "--quiet").stdout.split()


def test_training_runs_whenever_it_is_asked_for(copy: Path) -> None:
    """Twice is twice, and a training that fails says where its log is."""
    script = copy / "examples" / "digits" / "train.py"
    trained = copy / "trained"
    script.write_text(f"open({str(trained)!r}, 'a').write('again ')\n", encoding="utf-8")
    for _ in range(2):
        assert _doit(copy, "train:digits-bilstm").returncode == 0
    assert trained.read_text(encoding="utf-8") == "again again "
    script.write_text("raise SystemExit('no training here')\n", encoding="utf-8")
    ended = _doit(copy, "train:digits-bilstm")
    assert ended.returncode == 1
    assert "train digits-bilstm: failed" in ended.stdout
    assert "train digits-bilstm ended with status 1" in ended.stderr
    assert "digits-bilstm.log" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("asked", ["digits-bilstm", "configs/digits-bilstm.yaml"])
def test_convert_takes_names_and_configs(copy: Path, asked: str) -> None:
    """`doit convert` finds a model by name or by config, and says why it cannot convert it."""
    ended = _doit(copy, "convert", asked)
    assert ended.returncode == 2
    assert "validate digits-bilstm: failed" in ended.stdout
    assert "digits-bilstm.yaml:8:9: source.path: no such file: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("digits-bilsm", "Did you mean digits-bilstm?"),
        ("configs/digits-bilst.yaml", "Did you mean configs/digits-bilstm.yaml?"),
        ("dodo.py", "rnnlite convert dodo.py"),
    ],
)
def test_convert_of_an_unknown_config(copy: Path, asked: str, message: str) -> None:
    """An unknown config ends with 2 and the nearest name."""
    ended = _doit(copy, "convert", asked)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_broken_config_does_not_stop_the_others(copy: Path) -> None:
    """A wrong config fails its own tasks, with its place and 2; `doit list` still works."""
    broken = copy / "configs" / "broken.yaml"
    broken.write_text("name: broken\nsauce: {}\n", encoding="utf-8")
    try:
        listed = _doit(copy, "list", "--all")
        assert "model:broken" in listed.stdout
        assert "model:digits-bilstm" in listed.stdout
        ended = _doit(copy, "convert", "broken")
    finally:
        broken.unlink()
    assert ended.returncode == 2
    assert "broken.yaml:2:1: sauce" in ended.stderr
    assert "Traceback" not in ended.stderr
