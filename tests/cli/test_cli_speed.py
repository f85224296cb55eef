"""What must be quick imports nothing slow."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from tests.fake.project import RNNLITE, ROOT, Project

#: Processor seconds far above what it takes (validate 0.2, a run with nothing to do 0.35).
SECONDS = 3.0

SLOW = ("tensorflow", "keras", "numpy", "ai_edge_litert")


def _processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _imported(command: list[str], project: Project) -> tuple[set[str], float]:
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", "PYTHONPATH": str(ROOT)}
    began = _processor_seconds()
    ended = subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False
    )
    seconds = _processor_seconds() - began
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().partition(".")[0] for line in lines}, seconds


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "rnnlite_pipeline", "validate", "config.yaml"],
        [sys.executable, "-m", "rnnlite_pipeline", "--help"],
        [sys.executable, "-m", "rnnlite_pipeline", "schema"],
        [*RNNLITE, "package", "config.yaml"],
        [sys.executable, "-m", "doit", "-f", str(ROOT / "dodo.py"), "list", "--all"],
    ],
    ids=["validate", "help", "schema", "nothing to do", "doit list"],
)
def test_quick_commands(project: Project, command: list[str]) -> None:
    """Checking, listing and finding nothing to do import neither TensorFlow nor NumPy."""
    project.package()
    if "doit" in command:
        project = Project(ROOT)
    imported, seconds = _imported(command, project)
    assert "rnnlite_pipeline" in imported
    assert imported.isdisjoint(SLOW)
    assert seconds < SECONDS


def test_validate_needs_no_doit(project: Project) -> None:
    """`validate` reads the config and nothing else."""
    command = [sys.executable, "-m", "rnnlite_pipeline", "validate", "config.yaml"]
    assert "doit" not in _imported(command, project)[0]
