"""What becomes of a stage that fails in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnlite_pipeline.errors import ConfigError, StageError
from rnnlite_pipeline.tasks.child import ENVIRONMENT, run_stage
from tests.conftest import FAKE
from tests.fake.project import ROOT, Project

FAILURES = {
    "refused": (["The layer `odd` cannot be converted.", "Replace it."], []),
    "full": (["model.tflite: No space left on device.", "Free some space"], []),
    "segfault": (["convert of fake crashed with SIGSEGV", "convert.log", "working on"], []),
    "surprise": (["ValueError: surprise", "convert.log"], ["second line"]),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_failure_is_told_without_traceback(project: Project, kind: str) -> None:
    """A failed stage ends with 1, a message on standard error, and never a traceback."""
    ended = project.run("convert", "config.yaml", FAKE_TROUBLE=f"convert={kind}")
    said, unsaid = FAILURES[kind]
    assert ended.returncode == 1
    assert all(text in ended.stderr for text in said), ended.stderr
    assert not any(text in ended.stderr for text in [*unsaid, "Traceback", 'File "'])
    assert "convert fake: failed" in ended.stdout


def test_log_holds_all_of_a_surprise(project: Project) -> None:
    """The log has what was printed and the whole traceback."""
    project.run("convert", "config.yaml", FAKE_TROUBLE="convert=surprise")
    log = (project.out / "convert.log").read_text(encoding="utf-8")
    assert log.startswith("working on convert\nstep: pretending (1 of 1)\nTraceback")
    assert log.endswith("ValueError: surprise\nwith a second line\n")


def test_exit_status_and_remedy_survive(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent's error has the message, the remedy and the exit status of the child's."""
    monkeypatch.setenv("FAKE_TROUBLE", "import=refused")
    with pytest.raises(StageError) as told:
        run_stage("import", project.config, project.out, FAKE)
    assert told.value.message == "The layer `odd` cannot be converted."
    assert told.value.remedy == "Replace it."
    project.write_config("nonsense: true\n")
    with pytest.raises(ConfigError, match="nonsense") as wrong:
        run_stage("import", project.config, project.out, FAKE)
    assert wrong.value.exit_status == 2


def test_a_late_error_of_the_config_has_its_place(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stage finds wrong in the config has file, line, column, the remedy, and status 2."""
    project.write_config("verification:\n  data: {random: {samples: 3, seed: 5}}\n")
    monkeypatch.setenv("FAKE_TROUBLE", "import=misfit")
    with pytest.raises(ConfigError) as told:
        run_stage("import", project.config, project.out, FAKE)
    assert told.value.exit_status == 2
    assert told.value.remedy == "Give another."
    (problem,) = told.value.details
    assert (problem.line, problem.column) == (4, 37)
    assert problem.key == "verification.data.random.seed"
    assert problem.message == "does not fit."
    assert problem.excerpt


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("library", ["shared library libfoo.so.3 cannot be loaded on this machine", "package"]),
        ("no tensorflow", ["Python package tensorflow cannot be imported", "make demo"]),
        ("wrapped", ["Python package tensorflow cannot be imported", "make demo"]),
        ("memory", ["not enough memory", "-n 1"]),
        ("killed", ["was ended by SIGKILL", "memory ran out", "-n 1"]),
    ],
)
def test_faults_of_the_machine(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, said: list[str]
) -> None:
    """A fault of the machine says what is wrong with it; nobody is asked to report it."""
    monkeypatch.setenv("FAKE_TROUBLE", f"import={kind}")
    with pytest.raises(StageError) as told:
        run_stage("import", project.config, project.out, FAKE)
    assert all(text in str(told.value) for text in said), str(told.value)
    assert "report" not in str(told.value)


#: Runs a stage that prints, as stages do.
_PRINTS = """
import sys
from rnnlite_pipeline.stages.process import main
sys.modules["printing"] = sys.modules["__main__"]
stage = lambda config, out: print("a step", flush=True)
sys.exit(main(sys.argv[1:], {"convert": "printing:stage"}))
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to write to")
def test_a_disk_that_is_full_for_the_log_too(project: Project) -> None:
    """A stage that cannot even write its log says that the disk is full."""
    words = ["convert", str(project.config), str(project.out)]
    leash, held = os.pipe()
    with Path("/dev/full").open("w") as full, os.fdopen(held, "w"):
        ended = subprocess.run(
            [sys.executable, "-c", _PRINTS, *words],
            stdin=leash,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    os.close(leash)
    told = json.loads(ended.stdout)
    assert "No space left on device" in told["message"]
    assert told["remedy"].startswith("Free some space")


def test_a_stage_without_a_word_on_a_full_disk(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left to say why, the free space is looked at."""
    silent = [sys.executable, "-c", "import sys; sys.exit(1)"]
    with pytest.raises(StageError, match="ended with status 1"):
        run_stage("convert", project.config, project.out, silent)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(StageError, match=r"No space left on device.*\n.*Free some space"):
        run_stage("convert", project.config, project.out, silent)


def test_stages_see_no_gpu() -> None:
    """A stage runs without GPUs and with one order of hashing."""
    assert ENVIRONMENT["CUDA_VISIBLE_DEVICES"] == "-1"
    assert ENVIRONMENT["PYTHONHASHSEED"] == "0"


def test_one_failed_model_does_not_stop_the_others(project: Project) -> None:
    """Every model that can be converted is, and the exit status tells of the one that was not."""
    other = project.folder / "other.yaml"
    other.write_text("name: other\nsource: {format: keras, path: none.keras}\n", encoding="utf-8")
    ended = project.run("convert", "other.yaml", "config.yaml")
    assert ended.returncode == 2
    assert "none.keras" in ended.stderr
    assert (project.out / "model.tflite").exists()


def test_unwritable_folder(project: Project) -> None:
    """A results folder that cannot be made is one line and 1."""
    (project.folder / "taken").write_text("a file", encoding="utf-8")
    ended = project.run("convert", "config.yaml", "--out", "taken")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "taken" in ended.stderr


def test_missing_output_is_a_failure(project: Project) -> None:
    """A stage that ends well without one of its files has failed."""
    ended = project.run("verify", "config.yaml", FAKE_TROUBLE="verify=forgets")
    assert ended.returncode == 1
    assert "verify of fake ended with status 0, but did not write report.html." in ended.stderr
