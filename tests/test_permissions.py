"""Files that may not be read and folders that may not be written: told, and nothing left behind."""

from __future__ import annotations

import ctypes
import os
import subprocess

import pytest

from tests.fake.project import RNNLITE, Project

#: prctl's way to take a capability from all that this process starts (linux/prctl.h), and the
#: capabilities by which root passes over permissions (linux/capability.h).
PR_CAPBSET_DROP, OVERRIDES = 24, (1, 2)


def like_any_user() -> None:
    """What is started from here is bound by permissions, also where root runs the tests."""
    if os.geteuid() == 0:
        for capability in OVERRIDES:
            if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError("root cannot be bound by permissions here")


def run(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """`rnnlite WORDS` in the project's folder, bound by permissions."""
    return subprocess.run(
        [*RNNLITE, *words],
        cwd=project.folder,
        preexec_fn=like_any_user,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("convert", "config.yaml"), ("lock", "config.yaml")])
def test_a_folder_that_cannot_be_written(project: Project, words: tuple[str, ...]) -> None:
    """The folder and what to do are named, the status is a stage's, and no file is left."""
    project.folder.chmod(0o555)
    ended = run(project, *words)
    project.folder.chmod(0o755)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: build: Permission denied.\n  Change its permissions")
    assert sorted(p.name for p in project.folder.iterdir()) == ["config.yaml", "source.keras"]


@pytest.mark.parametrize("built", [False, True])
def test_a_source_that_cannot_be_read(project: Project, built: bool) -> None:
    """The config's line that names it is told, and no stage runs, before a build and after."""
    if built:
        assert run(project, "convert", "config.yaml").returncode == 0
    project.source.chmod(0o000)
    ended = run(project, "convert", "config.yaml")
    assert ended.returncode == 2
    assert (
        "config.yaml:2:31: source.path: cannot be read: its permissions do not allow it"
        in ended.stderr
    )
    assert "Traceback" not in ended.stderr
    assert "convert fake: not run, as what it needs failed" in ended.stdout
    project.source.chmod(0o644)
    assert run(project, "convert", "config.yaml").returncode == 0


def test_a_file_where_results_should_go(project: Project) -> None:
    """A file in the place of the folder stays, and what to do is told."""
    (project.folder / "file").write_text("mine")
    ended = run(project, "convert", "config.yaml", "--out", "file")
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: file: File exists.\n  Move it away, or name another")
    assert (project.folder / "file").read_text() == "mine"
