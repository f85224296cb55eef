"""A run that is killed leaves nothing the next run would trust wrongly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from tests.fake.project import RNNLITE, ROOT, WARM_RNNLITE, Project

KILLS, MANY_KILLS = 6, 50

MODELS = ROOT / "examples" / "digits" / "models"

DIGITS = """\
name: digits
version: 1.0.0
source: {format: keras, path: digits-bilstm.keras}
verification: {data: {path: digits-test.npz}}
"""


#: Stages as forks, and as new processes, which they are where a system has no forks to give.
each_way = pytest.mark.parametrize("program", [WARM_RNNLITE, RNNLITE], ids=["fork", "new"])


def _start(project: Project, delay: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*project.program, "package", "config.yaml"],
        cwd=project.folder,
        env={**os.environ, "FAKE_DELAY": str(delay)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed_at_random_moments(project: Project) -> None:
    """After SIGKILL at any moment and an edit, the next run ends as a clean build does."""
    moments = random.Random(2)
    for kill in range(KILLS):
        project.write_source(b"edition %d" % kill)
        running = _start(project, 0.1)
        time.sleep(moments.uniform(0.1, 2.0))
        running.kill()
        running.wait()
        check_whole(project.build)
    project.package()
    clean = Project(project.folder.parent / "clean").write_config()
    clean.source.write_bytes(project.source.read_bytes())
    clean.package()
    assert project.results() == clean.results()


def check_whole(build: Path) -> None:
    """Every file under a final name is a whole one: it reads, and to its end."""
    for path in sorted(build.rglob("*")):
        if not path.is_file() or ".state" in path.parts or path.name.startswith("."):
            continue
        content = path.read_bytes()
        if path.suffix == ".json":
            json.loads(content)
        elif path.suffix == ".tflite" and content[4:8] == b"TFL3":
            write_model(read_model(content))
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        elif path.suffix == ".sha256" and path.with_suffix("").exists():
            told = hashlib.sha256(path.with_suffix("").read_bytes()).hexdigest()
            assert content.decode().startswith(told), path


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder with a config, a trained model and its test data."""
    for name in ("digits-bilstm.keras", "digits-test.npz"):
        shutil.copy(MODELS / name, tmp_path)
    (tmp_path / "digits.yaml").write_text(DIGITS, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_release_build_killed_at_50_moments(digits: Path) -> None:
    """SIGKILL at 50 moments of a real release build: no partial file, and the next run completes.

    A killed build is resumed, and one that was done starts anew, so that every stage is hit.
    """
    command = [sys.executable, "-m", "rnnlite_pipeline", "package", "digits.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(out: str) -> subprocess.Popen[bytes]:
        words = [*command, "--out", out]
        return subprocess.Popen(
            words, cwd=digits, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    began = time.monotonic()
    clean = start("clean")
    assert clean.communicate()[1] == b""
    assert clean.returncode == 0
    took = time.monotonic() - began

    moments, kills = random.Random(3), 0
    while kills < MANY_KILLS:
        running = start("build")
        try:
            running.wait(timeout=moments.uniform(0, took))
            shutil.rmtree(digits / "build")  # it was done: nothing would be left to kill
        except subprocess.TimeoutExpired:
            running.kill()
            kills += 1
        running.communicate()
        check_whole(digits / "build")
    last = start("build")
    assert last.communicate()[1] == b""
    assert last.returncode == 0
    check_whole(digits / "build")
    for name in ("model.tflite", "dist/digits-1.0.0.zip"):
        results = [(digits / out / "digits" / name).read_bytes() for out in ("clean", "build")]
        assert results[0] == results[1], name


def test_finished_stages_survive_a_kill(project: Project) -> None:
    """What was done before a kill is not done again."""
    running = _start(project, 0)
    while not (project.build / ".state" / "import%3Afake.json").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert "import" not in project.package()


@each_way
def test_stage_ends_with_its_run(project: Project, program: tuple[str, ...]) -> None:
    """When a run is killed, nothing of it goes on, or writes into the next one's folder."""
    project = dataclasses.replace(project, program=program)
    running = _start(project, 30)
    while not (project.build / "runs").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    _check_left_alone(project)
    project.package()


@each_way
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupt_ends_with_130(project: Project, program: tuple[str, ...], jobs: str) -> None:
    """Ctrl-C ends a run with 130 and one line, however many stages run, and nothing goes on."""
    project = dataclasses.replace(project, program=program)
    running = subprocess.Popen(
        [*project.program, "package", "config.yaml", "-n", jobs],
        cwd=project.folder,
        env={**os.environ, "FAKE_DELAY": "30"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (project.build / "runs").exists():
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert errors == "error: interrupted\n"
    _check_left_alone(project)


def _check_left_alone(project: Project) -> None:
    """Waits until no process works in the folder, which is soon."""
    until = time.monotonic() + 10
    while left := [path.parent for path in Path("/proc").glob("[0-9]*/cwd") if _in(path, project)]:
        assert time.monotonic() < until, [(p / "cmdline").read_bytes() for p in left]
        time.sleep(0.01)


def _in(path: Path, project: Project) -> bool:
    try:
        return path.readlink() == project.folder
    except OSError:  # it has ended, or is another user's
        return False
