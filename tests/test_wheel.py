"""The wheel is what users get: everything must work with it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.fake.project import ROOT, Project


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel."""
    built = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [path] = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(built / "site")
    return built / "site"


def test_wheel_holds_the_pipelines(wheel: Path) -> None:
    """Each file of pipelines/ is part of the package, and no test is."""
    shipped = {path.name for path in (wheel / "rnnlite_pipeline" / "pipelines").iterdir()}
    assert shipped == {path.name for path in (ROOT / "pipelines").iterdir()}
    assert {path.name for path in wheel.iterdir() if path.suffix != ".dist-info"} == {
        "rnnlite_pipeline"
    }


def test_wheel_holds_the_templates(wheel: Path) -> None:
    """Each template of each room is in it; without them there is no report and no release."""
    own, shipped = ROOT / "rnnlite_pipeline", wheel / "rnnlite_pipeline"
    named = {
        path.relative_to(top)
        for top in (own, shipped)
        for path in top.rglob("templates/**/*")
        if path.is_file()
    }
    assert len(named) > 20
    for name in named:
        assert (shipped / name).read_bytes() == (own / name).read_bytes()


def test_wheel_says_its_license(wheel: Path) -> None:
    """The metadata names it, and its text is there."""
    [about] = wheel.glob("*.dist-info")
    assert "License-Expression: Apache-2.0" in (about / "METADATA").read_text(encoding="utf-8")
    text = (about / "licenses" / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text


def test_wheel_works_from_any_folder(wheel: Path, project: Project) -> None:
    """With only the wheel, in a folder of one's own, a stage runs and says what is wrong."""
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    for command, status, said in (
        ("validate", 0, "config.yaml: valid"),
        ("convert", 2, "import fake: failed"),
    ):
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "rnnlite_pipeline", command, "config.yaml"],
            cwd=project.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
        assert said in ended.stdout
        assert "Traceback" not in ended.stderr
    log = (project.out / "import.log").read_text(encoding="utf-8")
    assert str(ROOT) not in log
