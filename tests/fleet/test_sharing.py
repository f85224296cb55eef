"""Which stages are shared by a cache, and how one is brought up to date with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="the extra `cache` is not installed")

from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.fleet.cache import Cache
from rnnlite_pipeline.fleet.sharing import (
    FROM_CACHE,
    Shared,
    files_of,
    made_of,
    why_not_shared,
)
from rnnlite_pipeline.tasks.keys import stage_digest
from rnnlite_pipeline.tasks.plan import Plan, load_plan
from rnnlite_pipeline.tasks.table import GROUPS
from tests.fake.project import AUTO, Project


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    """Stages with a cache in a folder."""
    return Shared(Cache(str(tmp_path / "cache")))


def _kept(plan: Plan) -> set[str]:
    return {group for group in GROUPS if not why_not_shared(group, plan)}


def test_what_is_about_this_machine_is_not_shared(plan: Plan) -> None:
    """Of a usual release everything else is."""
    assert _kept(plan) == GROUPS.keys() - {"validate", "benchmark"}


def test_what_the_user_s_code_makes_is_not_shared(project: Project) -> None:
    """It may depend on anything, and nobody knows on what."""
    (project.folder / "code.py").write_text("")
    for source in (
        "{format: keras, path: source.keras, custom_objects: {A: code:A}}",
        "{format: keras, factory: code:build}",
    ):
        project.config.write_text(f"name: fake\nsource: {source}\n")
        plan = load_plan(project.config, project.build)
        assert _kept(plan) == set()
        assert "code" in why_not_shared("import", plan)


def test_what_measures_this_machine_is_not_shared(project: Project) -> None:
    """With `lowering: fastest` only the import is."""
    project.write_config("recurrent: {lowering: fastest}\n")
    assert _kept(load_plan(project.config, project.build)) == {"import"}


def test_a_choice_of_a_lock_is_not_shared(project: Project) -> None:
    """It is known; a search that is made is shared as any stage."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    plan = load_plan(project.write_config(AUTO).config, project.build)
    assert not why_not_shared("search", plan)
    locked = replace(plan, chosen=Chosen("float16"))
    assert "the lock" in why_not_shared("search", locked)
    assert not why_not_shared("graph", locked)


def test_the_files_of_a_stage_by_name(plan: Plan) -> None:
    """Below the release's folder, with `/`; those that need not be there are named."""
    files, optional = files_of("graph", plan)
    assert files[".work/converted.tflite"] == plan.out / ".work" / "converted.tflite"
    assert optional == {
        ".work/layers.json",
        ".work/float.tflite",
        ".work/quantization.json",
    }
    assert optional < set(files)
    assert files_of("validate", plan) == ({}, frozenset())


def test_what_earlier_stages_made(plan: Plan) -> None:
    """By name and sha256, as far as it is there; the user's own files are not among them."""
    assert made_of("graph", plan) == {}
    source = plan.out / ".work" / "source.tflite"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"x")
    assert set(made_of("graph", plan)) == {".work/source.tflite"}
    before = made_of("graph", plan)
    source.write_bytes(b"y")
    assert made_of("graph", plan) != before
    assert made_of("import", plan) == {}


def _work(plan: Plan, ran: list[str], content: bytes = b"made") -> Callable[[], None]:
    def run() -> None:
        ran.append(plan.name)
        for path in GROUPS["import"].makes(plan):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return run


def test_a_stage_is_run_once(plan: Plan, project: Project, shared: Shared) -> None:
    """The next one takes its files, and its log says from where; another content runs again."""
    ran: list[str] = []
    assert shared.fetch("import", plan) == ""
    assert shared("import", plan, _work(plan, ran)) == ""
    for path in GROUPS["import"].makes(plan):
        path.unlink()
    assert shared("import", plan, _work(plan, ran)) == FROM_CACHE
    assert all(path.read_bytes() == b"made" for path in GROUPS["import"].makes(plan))
    key = stage_digest("import", plan)
    assert (plan.out / "import.log").read_text() == f"taken from the cache, as {key}\n"
    assert shared.fetch("import", plan) == FROM_CACHE
    project.write_source(b"second")
    again = load_plan(project.config, project.build)
    assert shared.fetch("import", again) == ""
    assert shared("import", again, _work(again, ran)) == ""
    assert len(ran) == 2


def test_a_stage_that_fails_is_not_kept(plan: Plan, shared: Shared) -> None:
    """Its error is its own; the next run runs it."""

    def fails() -> None:
        _work(plan, [])()
        raise StageError("It failed.")

    with pytest.raises(StageError, match="It failed"):
        shared("import", plan, fails)
    assert shared.fetch("import", plan) == ""


def test_an_edit_during_a_stage_is_not_kept(plan: Plan, project: Project, shared: Shared) -> None:
    """Nobody knows whether the stage read the file before or after; both contents run again."""

    def edited() -> None:
        project.write_source(b"second")
        _work(plan, [])()

    assert shared("import", plan, edited) == ""
    assert shared.fetch("import", plan) == ""
    project.write_source(b"first")
    assert shared.fetch("import", load_plan(project.config, project.build)) == ""


def test_a_stage_that_is_not_shared_runs_each_time(plan: Plan, shared: Shared) -> None:
    """It asks the cache for nothing, and leaves nothing there."""
    ran: list[str] = []
    for _ in range(2):
        assert shared("benchmark", plan, lambda: ran.append("benchmark")) == ""
        assert shared.fetch("benchmark", plan) == ""
    assert len(ran) == 2
    assert not (plan.out / "benchmark.log").exists()
