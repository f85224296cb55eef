"""The stage search in the graph: when it runs, and what a lock does in its place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnnlite_pipeline.cli.locked import with_choice
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.fleet.plan import plan_text
from rnnlite_pipeline.tasks.plan import load_plan
from rnnlite_pipeline.tasks.table import GROUPS, groups_before
from tests.fake.project import AUTO, Project


@pytest.fixture
def searching(project: Project) -> Project:
    """A project that asks for a search."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    return project.write_config(AUTO)


def test_no_search_where_none_is_asked_for(project: Project) -> None:
    """A config with a scheme has no such stage, and nothing waits for it."""
    plan = load_plan(project.config, project.build)
    assert not GROUPS["search"].applies(plan)
    assert groups_before("graph", plan) == ["import"]
    assert "\n  search" not in plan_text([plan])


def _converted(project: Project, **environment: str) -> list[str]:
    """The stages that a conversion ran."""
    runs = project.build / "runs"
    runs.unlink(missing_ok=True)
    ended = project.run("convert", "config.yaml", **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [line.split()[0] for line in runs.read_text().splitlines()] if runs.exists() else []


def test_a_search_is_up_to_date_like_any_stage(searching: Project) -> None:
    """Conversions follow the choice. A choice that was edited, or other data, searches anew."""
    assert _converted(searching) == ["import", "search", "convert", "describe"]
    assert (searching.out / "model.tflite").read_bytes().count(b"float16") == 1
    chosen = searching.out / ".work" / "chosen.json"
    before = chosen.read_bytes()
    chosen.write_text('{"scheme": "none", "skip": []}')
    assert "search" in _converted(searching)
    assert chosen.read_bytes() == before
    assert _converted(searching) == []
    np.savez(searching.folder / "test.npz", x=np.ones(2))
    ran = _converted(searching, FAKE_CHOICE="dynamic_range")
    assert ran == ["search", "convert", "describe"]
    assert (searching.out / "model.tflite").read_bytes().count(b"dynamic_range") == 1


def test_candidates_are_stages_of_their_own(searching: Project) -> None:
    """With -n 2 each has a process; rounds follow each other, and nothing of them is left."""
    ended = searching.run("convert", "config.yaml", "-n", "2", "-v")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    ran = [line.split()[0] for line in (searching.build / "runs").read_text().splitlines()]
    assert ran[:2] == ["import", "reference"]
    assert set(ran[2:4]) == {"candidate-float16", "candidate-dynamic_range"}
    alone = {f"candidate-dynamic_range-without-{layer}" for layer in ("lstm", "dense")}
    assert set(ran[4:6]) == alone
    assert ran[6:] == ["search", "convert", "describe"]
    assert "search fake: trying dynamic_range without lstm" in ended.stdout
    assert not (searching.out / ".work" / "candidates").exists()
    assert not [*(searching.out / ".work" / "held").glob("**/*.json")]
    ended = searching.run("convert", "config.yaml", "-n", "2")
    assert ": start" not in ended.stdout


def test_a_candidate_that_crashes(searching: Project) -> None:
    """The search fails with the candidate's error, and its log is there to read."""
    trouble = "candidate-float16=segfault"
    ended = searching.run("convert", "config.yaml", "-n", "2", FAKE_TROUBLE=trouble)
    assert ended.returncode == 1
    assert "candidate of fake crashed with SIGSEGV" in ended.stderr
    assert [*searching.out.glob(".work/candidates/float16-*.log")]


def test_candidates_of_fastest_stay_together(searching: Project) -> None:
    """Layers are measured within each, so no two may run at the same time."""
    searching.write_config(AUTO + "recurrent: {lowering: fastest}\n")
    ended = searching.run("convert", "config.yaml", "-n", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "candidate" not in (searching.build / "runs").read_text()


def test_candidates_are_taken_from_a_cache(searching: Project) -> None:
    """A search that begins again makes only the candidates that are not there."""
    pytest.importorskip("fsspec", reason="the extra `cache` is not installed")
    words = ("convert", "config.yaml", "-n", "2", "--cache", "cache")
    failed = searching.run(*words, FAKE_TROUBLE="search=gate")
    assert failed.returncode == 1
    (searching.build / "runs").unlink()
    assert searching.run(*words).returncode == 0
    ran = (searching.build / "runs").read_text().split()
    assert ran[::2] == ["search", "convert", "describe"]


def test_a_locked_build_repeats_the_choice(searching: Project) -> None:
    """It does not search: another machine, which would choose otherwise, makes the same bundle."""
    assert searching.run("lock", "config.yaml").returncode == 0
    lock = json.loads((searching.folder / "config.lock.json").read_text())
    assert lock["config.quantization.scheme"] == "float16"
    assert lock["config.quantization.skip[0]"] == "dense"
    model = (searching.out / "model.tflite").read_bytes()
    other = Project(searching.folder.parent / "other").write_config(AUTO).write_source(b"first")
    for name in ("test.npz", "config.lock.json"):
        (other.folder / name).write_bytes((searching.folder / name).read_bytes())
    ended = other.run("package", "config.yaml", "--locked", FAKE_CHOICE="dynamic_range")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "search fake" not in (other.build / "runs").read_text()
    assert (other.out / "model.tflite").read_bytes() == model
    assert searching.run("package", "config.yaml").returncode == 0
    assert other.bundle.read_bytes() == searching.bundle.read_bytes()
    other.write_config(AUTO.replace("0.01", "0.0"))  # it was judged by another demand
    ended = other.run("convert", "config.yaml", "--locked")
    assert ended.returncode == 1
    assert "config.quantization.max_accuracy_drop: locked 0.01, now 0.0" in ended.stderr


def test_a_lock_without_a_choice(searching: Project) -> None:
    """It is one error that says how to write it."""
    (searching.folder / "config.lock.json").write_text('{"config.quantization.scheme": "auto"}')
    with pytest.raises(StageError, match=r"does not say what quantization\.scheme auto chose"):
        with_choice(load_plan(searching.config, searching.build))
