"""A stage's files get their final names once its process has ended with status 0."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from rnnlite_pipeline.files import Held
from tests.fake.project import RNNLITE, Project

AT_EXIT = {
    "abort at exit": "SIGABRT",
    "segfault at exit": "SIGSEGV",
    "killed at exit": "SIGKILL",
    "status 3 at exit": "status 3",
}


@pytest.mark.parametrize("kind", AT_EXIT)
def test_process_that_dies_at_its_exit_leaves_no_model(project: Project, kind: str) -> None:
    """A convert that wrote all of its files and then dies at its exit has made no model."""
    ended = project.run("convert", "config.yaml", FAKE_TROUBLE=f"convert={kind}")
    assert ended.returncode == 1
    assert AT_EXIT[kind] in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "working on convert" in (project.out / "convert.log").read_text(encoding="utf-8")
    assert _files(project.out) == {"convert.log", ".work/lock", *IMPORTED, "import.log"}
    assert "convert" in project.package()


IMPORTED = (".work/source.tflite", ".work/source.json")


@pytest.mark.parametrize(
    "stage", ["import", "inspect", "describe", "verify", "report", "benchmark"]
)
def test_every_stage_is_held_back(project: Project, stage: str) -> None:
    """Whichever stage dies at its exit, none of its files is there, and the next run makes them."""
    project.package()
    assert project.run("benchmark", "config.yaml").returncode == 0
    # one of the two is given to every stage
    project.write_config("converter: {allow_custom_ops: true}\nmetadata: {author: me}\n")
    goal = "benchmark" if stage == "benchmark" else "package"
    ended = project.run(goal, "config.yaml", FAKE_TROUBLE=f"{stage}=abort at exit")
    assert ended.returncode == 1
    assert f"{stage} of fake crashed with SIGABRT" in ended.stderr
    assert not _files(project.out).intersection(MADE[stage])
    assert project.run(goal, "config.yaml").returncode == 0
    assert _files(project.out).issuperset(MADE[stage])


MADE: dict[str, set[str]] = {
    "import": {*IMPORTED},
    "inspect": {"inspect.json", "inspect.txt"},
    "describe": {"model.tflite"},
    "verify": {"verification.json", ".work/report.html"},
    "report": {"report.html"},
    "benchmark": {"benchmark.json", "benchmark.txt"},
}


def test_model_loses_its_name_where_verify_dies(project: Project) -> None:
    """A model whose verification crashed, after it passed too, is model.failed.tflite."""
    for kind in ("abort at exit", "segfault"):
        ended = project.run("verify", "config.yaml", FAKE_TROUBLE=f"verify={kind}")
        assert ended.returncode == 1
        assert not (project.out / "model.tflite").exists()
        assert (project.out / "model.failed.tflite").exists()
        assert not (project.out / "verification.json").exists()


def test_files_wait_while_the_stage_runs(project: Project) -> None:
    """What a stage has written is under no final name while its process still runs."""
    running = subprocess.Popen(
        [*RNNLITE, "convert", "config.yaml"],
        cwd=project.folder,
        env={**os.environ, "FAKE_TROUBLE": "convert=slow exit"},
        stdout=subprocess.DEVNULL,
    )
    held = Held.of("convert", project.out).folder / ".work" / "converted.tflite"
    while not held.exists():
        assert running.poll() is None
        time.sleep(0.01)
    assert not (project.out / "model.tflite").exists()
    assert running.wait() == 0
    assert (project.out / "model.tflite").exists()
    assert not held.exists()


def test_leftovers_of_a_killed_run_are_never_released(project: Project) -> None:
    """What a killed process held back is gone before the stage runs again."""
    left = Held.of("convert", project.out).folder / "old.txt"
    left.parent.mkdir(parents=True)
    left.write_text("of another run", encoding="utf-8")
    assert project.run("convert", "config.yaml").returncode == 0
    assert not left.exists()
    assert not (project.out / "old.txt").exists()


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
