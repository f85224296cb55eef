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


#: What `validate` needs besides Python itself: the command line, the reader, the checks.
NEEDED = {
    *("click", "yaml", "_yaml", "pydantic", "pydantic_core"),
    *("annotated_types", "typing_extensions", "typing_inspection", "rnnlite_pipeline"),
    "org",  # not there: Python's own `copy` asks for it, in case it is run by Jython
}


def test_validate_imports_what_it_needs(project: Project) -> None:
    """No package but these: neither doit, nor rich, nor h5py, nor what reads models."""
    command = [sys.executable, "-m", "rnnlite_pipeline", "validate", "config.yaml"]
    bare = _imported([sys.executable, "-c", ""], project)[0]  # what the environment starts with
    imported = _imported(command, project)[0] - bare - set(sys.stdlib_module_names)
    assert {name for name in imported if not name.startswith("_")} <= NEEDED


def test_validate_reads_no_entry_points() -> None:
    """What other packages offer is not read: pydantic would, to find plugins for itself."""
    code = (
        "import importlib.metadata as m, sys; from rnnlite_pipeline.cli import main\n"
        "def entry_points(**_): raise AssertionError\n"
        "def distributions(**_): raise AssertionError\n"
        "m.entry_points, m.distributions = entry_points, distributions\n"
        "sys.exit(main(['validate', 'configs/digits-bilstm.yaml']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
