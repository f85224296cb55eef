"""A run that is killed leaves nothing the next run would trust wrongly."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest

from tests.fake.project import RNNLITE, Project

KILLS = 6


def _start(project: Project, delay: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*RNNLITE, "package", "config.yaml"],
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
    project.package()
    clean = Project(project.folder.parent / "clean").write_config()
    clean.write_source(project.source.read_bytes()).package()
    assert project.results() == clean.results()


def test_finished_stages_survive_a_kill(project: Project) -> None:
    """What was done before a kill is not done again."""
    running = _start(project, 0)
    while not (project.build / ".state" / "import%3Afake.json").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert "import" not in project.package()


def test_stage_ends_with_its_run(project: Project) -> None:
    """A stage whose run was killed ends as well, instead of writing into the next one's folder."""
    running = _start(project, 30)
    while not (project.build / "runs").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    began = time.monotonic()
    project.package()
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupt_ends_with_130(project: Project, jobs: str) -> None:
    """Ctrl-C ends a run with 130 and one line, however many stages run."""
    running = subprocess.Popen(
        [*RNNLITE, "package", "config.yaml", "-n", jobs],
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
