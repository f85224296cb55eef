"""The task graph: from releases to doit's tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.errors import CallError, ConfigError, StageError
from rnnlite_pipeline.tasks import graph
from rnnlite_pipeline.tasks.graph import GROUPS, Means, group, namespace
from rnnlite_pipeline.tasks.plan import BrokenPlan, Plan, load_plan, plans_of
from tests.conftest import FAKE
from tests.fake.project import Project


def _one(name: str, plan: Plan | BrokenPlan, means: Means | None = None) -> dict[str, Any]:
    (task,) = group(name, [plan], means or Means())
    return task


def _written(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())


def _do(task: dict[str, Any]) -> Any:
    """The work of a task alone, without what it stores."""
    ((_, (work, *_)),) = task["actions"]
    return work()


def test_each_release_has_a_task_of_each_stage(plan: Plan) -> None:
    """Named STAGE:NAME; a stage that a release does not have has none."""
    other = replace(plan, config=plan.config.model_copy(update={"name": "other"}))
    for name in GROUPS:
        tasks = list(group(name, [plan, other]))
        if name in ("search", "reference", "candidate", "batch"):
            assert tasks == []
        else:
            assert [(task["basename"], task["name"]) for task in tasks] == [
                (name, "fake"),
                (name, "other"),
            ]


def test_what_a_task_waits_for(plan: Plan) -> None:
    """The stages of its own release that come before it."""
    assert _one("package", plan)["task_dep"] == [
        "inspect:fake",
        "model:fake",
        "verify:fake",
        "report:fake",
        "validate:fake",
    ]
    assert _one("validate", plan)["task_dep"] == []


def test_what_a_task_tells(plan: Plan) -> None:
    """Its stage as the user knows it, its config, its log; and a summary where it has results."""
    meta = _one("model", plan)["meta"]
    assert meta["label"] == "describe fake"
    assert meta["config"] == meta["reference"] == str(plan.path)
    assert meta["log"] == plan.out / "describe.log"
    assert callable(meta["summary"])
    assert "summary" not in _one("import", plan)["meta"]


def test_a_broken_config_has_tasks_that_say_why(plan: Plan) -> None:
    """So that they are listed, and fail with their own error."""
    error = ConfigError(plan.path, ["1:1: x"])
    task = _one("model", BrokenPlan("broken", plan.path, error))
    assert (task["basename"], task["name"]) == ("model", "broken")
    ((function, arguments),) = task["actions"]
    assert function(*arguments).error is error


def test_the_namespace_that_doit_reads(plan: Plan) -> None:
    """A creator for each group that is needed, in the order of the table."""
    found = namespace([plan], Means(), {"model", "import", "validate"})
    assert list(found) == ["task_validate", "task_import", "task_model"]
    assert [task["basename"] for task in found["task_model"]()] == ["model"]
    assert len(namespace([plan], Means())) == len(GROUPS)


def test_an_import_is_copied_for_releases_that_import_the_same(project: Project) -> None:
    """It waits for the first one's, and has the same files."""
    project.write_config("variants: {a: {recurrent: {bidirectional: split}}}\n")
    first, second = plans_of(project.config, project.build)
    _, task = group("import", [first, second])
    assert task["task_dep"] == ["validate:fake-a", "import:fake"]
    for path in GROUPS["import"].makes(first):
        _written(path)
    _do(task)
    for path in GROUPS["import"].makes(second):
        assert path.read_text() == path.name


class Elsewhere:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, group: str, plan: Plan) -> str:
        """Nothing is kept."""
        self.asked.append(f"fetch {group} {plan.name}")
        return ""

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """Does nothing."""
        del run
        self.asked.append(f"{group} {plan.name}")
        return "elsewhere"


def test_who_brings_a_stage(plan: Plan) -> None:
    """What is told to bring it is asked once, and says how it did."""
    bring = Elsewhere()
    assert _do(_one("import", plan, Means(bring=bring))) == "elsewhere"
    assert bring.asked == ["import fake"]


def test_passes_are_dumped_here(plan: Plan, tmp_path: Path) -> None:
    """A conversion that writes its passes is run here, always, into a folder of its release."""
    bring = Elsewhere()
    means = Means(FAKE, bring=bring, dump_passes=tmp_path / "dump")
    _written(plan.out / ".work" / "source.tflite")
    task = _one("graph", plan, means)
    (fresh,) = task["uptodate"]
    assert fresh(None, fresh.outcome()) is False
    _do(task)
    assert bring.asked == []
    assert (tmp_path / "dump" / "fake" / "index.txt").is_file()
    assert not _one("import", plan, means)["uptodate"][0].always


def test_a_stage_that_forgets_a_file(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has failed, whatever its status; and what it left before is gone."""
    monkeypatch.setenv("FAKE_TROUBLE", "verify=forgets")
    page = plan.out / ".work" / "report.html"
    for path in (plan.out / "model.tflite", page):
        _written(path)
    with pytest.raises(StageError, match=r"did not write report\.html"):
        _do(_one("verify", plan, Means(FAKE)))
    assert not page.exists()


def test_validation_needs_no_process(plan: Plan) -> None:
    """A command that cannot be started does not matter to it; nor does a file that is missing."""
    nothing = Means(("no-such-program",))
    assert _do(_one("validate", plan, nothing)) == ""
    plan.config.resolve("source.keras").unlink()
    with pytest.raises(ConfigError, match="no such file"):
        _do(_one("validate", plan, nothing))


def test_a_locked_choice_needs_no_search(project: Project) -> None:
    """It is written down, no candidate is made, and nobody else is asked to."""
    np.savez(project.folder / "test.npz", x=np.zeros(2))
    project.write_config(
        "quantization: {scheme: auto, max_accuracy_drop: 0.01}\n"
        "verification: {data: {path: test.npz}}\n"
    )
    chosen = Chosen("dynamic_range", ("dense",))
    plan = replace(load_plan(project.config, project.build), chosen=chosen)
    assert _do(_one("search", plan, Means(("no-such-program",), at_once=4))) == ""
    assert Chosen.of((plan.out / CHOSEN).read_bytes()) == chosen


@pytest.mark.parametrize(("jobs", "elsewhere", "at_once"), [(1, 0, 1), (3, 0, 3), (2, 9, 9)])
def test_how_many_run_at_a_time(jobs: int, elsewhere: int, at_once: int) -> None:
    """As many as here and on other machines; here never more than was asked for."""
    means = Means.of(FAKE, None, jobs, elsewhere, None)
    assert means.at_once == at_once
    here = means.here
    assert here is not None
    taken = [here.acquire(blocking=False) for _ in range(jobs + 1)]  # type: ignore[attr-defined]  # a semaphore
    assert taken == [True] * jobs + [False]


def test_an_unknown_group_is_a_fault_of_ours(plan: Plan) -> None:
    """Nothing is made up for it."""
    with pytest.raises(KeyError):
        list(graph.group("convert", [plan]))
    broken = BrokenPlan("x", plan.path, CallError("x"))
    with pytest.raises(KeyError):
        list(graph.group("convert", [broken]))
