"""What a run prints of its tasks, and where."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doit.exceptions import DependencyError, SetupError, TaskFailed, UnmetDependency

from rnnlite_pipeline.errors import CallError, ConfigError, StageError
from rnnlite_pipeline.tasks.reporter import Progress, Telling
from rnnlite_pipeline.tasks.work import failure


def _task(name: str, **more: Any) -> Any:
    """A task as doit hands it over."""
    stage, _, release = name.partition(":")
    config = f"{release}.yaml"
    meta = {"label": f"{stage} {release}", "config": config, "reference": config}
    usual = {
        "name": name,
        "actions": ["work"],
        "values": {},
        "has_subtask": False,
        "task_dep": [],
        "meta": meta | more.pop("meta", {}),
    }
    return SimpleNamespace(**usual | more)


def _group(name: str, *parts: Any) -> Any:
    return SimpleNamespace(
        name=name, actions=[], has_subtask=True, task_dep=[p.name for p in parts], meta=None
    )


class Run:
    """A reporter at work on some tasks."""

    def __init__(self, *tasks: Any, asked: list[str] | None = None, **telling: bool) -> None:
        self.out = io.StringIO()
        self.reporter = Progress(self.out)
        self.reporter.telling = Telling(**telling)
        names = {task.name: task for task in tasks}
        self.reporter.initialize(names, [*names] if asked is None else asked)

    def end(self) -> str:
        """What was printed in all."""
        self.reporter.complete_run()
        return self.out.getvalue()


def test_a_line_when_a_stage_starts_and_ends() -> None:
    """With the seconds it took, and how it was done; one that is up to date never starts."""
    tasks = [
        _task("import:a"),
        _task("graph:a", values={"how": "from the cache"}),
        _task("model:a"),
    ]
    run = Run(*tasks)
    for task in tasks[:2]:
        run.reporter.execute_task(task)
        run.reporter.add_success(task)
    run.reporter.skip_uptodate(tasks[2])
    lines = run.end().splitlines()
    assert [line.rpartition(" in ")[0] or line for line in lines] == [
        "import a: start",
        "import a: done",
        "graph a: start",
        "graph a: from the cache",
        "model a: up to date",
        "3 done, 0 failed",
    ]
    assert [each.state for each in run.reporter.outcomes.values()] == ["done", "done", "up to date"]


def test_a_group_without_actions_is_no_stage() -> None:
    """Its parts are what was asked for."""
    parts = [_task("import:a"), _task("import:b")]
    group = _group("import", *parts)
    run = Run(*parts, group, asked=["import"])
    run.reporter.execute_task(group)
    run.reporter.add_success(group)
    for part in parts:
        run.reporter.skip_uptodate(part)
    assert run.end() == "import a: up to date\nimport b: up to date\n2 done, 0 failed\n"


def test_a_failure_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress says that it failed; why is told apart, with the config where there are several."""
    failed, after, other = _task("import:a"), _task("graph:a"), _task("import:b")
    run = Run(failed, after, other)
    run.reporter.execute_task(failed)
    run.reporter.add_failure(failed, failure(StageError("It differs.", "Mend it.")))
    run.reporter.add_failure(after, UnmetDependency("import:a"))
    run.reporter.execute_task(other)
    run.reporter.add_success(other)
    shown = run.end()
    assert "import a: failed\n" in shown
    assert "graph a: not run, as what it needs failed\n" in shown
    assert "differs" not in shown
    assert capsys.readouterr().err == (
        "error: a.yaml: It differs.\na.yaml:   Mend it.\n"
        "1 done, 2 failed:\n  import a (a.yaml): It differs.\n  import a (a.yaml): It differs.\n"
    )


def test_one_release_has_no_name_before_its_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor a summary, where one stage was asked for."""
    task = _task("import:a")
    run = Run(task)
    run.reporter.execute_task(task)
    run.reporter.add_failure(task, failure(StageError("It differs.")))
    run.end()
    assert capsys.readouterr().err == "error: It differs.\n"


@pytest.mark.parametrize(
    ("fail", "expected", "status"),
    [
        (failure(CallError("wrong")), "wrong", 2),
        (DependencyError("ERROR: Task 'x' depends on 'y'"), "Task 'x' depends on 'y'", 2),
        (SetupError("no setup"), "no setup", 1),
        (TaskFailed("it ended"), "it ended", 1),
    ],
)
def test_what_doit_finds_is_an_error_of_ours(fail: Any, expected: str, status: int) -> None:
    """The outcome has the error, whoever found it."""
    task = _task("import:a")
    run = Run(task)
    run.reporter.add_failure(task, fail)
    error = run.reporter.outcomes["import a"].error
    assert error is not None
    assert error.message == expected
    assert error.exit_status == status


def test_a_fault_of_ours_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a traceback only the end is shown."""
    task = _task("import:a")
    run = Run(task)
    try:
        raise KeyError("x")
    except KeyError as error:
        run.reporter.add_failure(task, TaskFailed("Python action failed", error))
    said = capsys.readouterr().err
    assert said == "error: Python action failed: KeyError: 'x'\n"


def test_errors_as_annotations(capsys: pytest.CaptureFixture[str]) -> None:
    """A stage's error is one of its config's file, also for a variant; a config's has its line."""
    task = _task("import:a-b", meta={"config": "a.yaml", "reference": "a.yaml/b"})
    run = Run(task, annotate=True)
    run.reporter.add_failure(task, failure(StageError("It differs.")))
    assert "::error file=a.yaml::It differs.\n" in capsys.readouterr().err
    run.reporter.add_failure(task, failure(ConfigError(Path("c.yaml"), ["1:1: x"])))
    assert capsys.readouterr().err.count("::error") == 1


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """No line of progress, no summary of what went well, and no result."""
    tasks = [_task("import:a", meta={"summary": lambda: "a table\n"}), _task("import:b")]
    run = Run(*tasks, quiet=True)
    for task in tasks:
        run.reporter.execute_task(task)
        run.reporter.add_success(task)
    assert run.end() == ""
    run.reporter.add_failure(tasks[0], failure(StageError("It differs.")))
    assert "It differs." in capsys.readouterr().err


def test_results_of_what_was_asked_for() -> None:
    """A stage that is done or up to date tells its result; one that failed does not."""
    names = ("a", "b", "c", "d")
    tasks = [_task(f"model:{n}", meta={"summary": lambda n=n: f"result of {n}\n"}) for n in names]
    run = Run(*tasks, summarize=False)
    run.reporter.execute_task(tasks[0])
    run.reporter.add_success(tasks[0])
    run.reporter.skip_uptodate(tasks[1])
    run.reporter.add_failure(tasks[2], failure(StageError("x")))
    shown = run.end()
    assert [line for line in shown.splitlines() if line.startswith("result")] == [
        "result of a",
        "result of b",
    ]


def test_no_summary_between_two_stages_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Where all is well; a failure is told in any case."""
    tasks = [_task("model:a"), _task("model:b")]
    run = Run(*tasks, summarize=False)
    for task in tasks:
        run.reporter.skip_uptodate(task)
    assert "done" not in run.end()
    run.reporter.add_failure(tasks[0], failure(StageError("x")))
    run.reporter.complete_run()
    assert "1 done, 1 failed:" in capsys.readouterr().err


def test_what_doit_itself_says(capsys: pytest.CaptureFixture[str]) -> None:
    """An error at its start, a cleanup, and a task that `doit ignore` left out."""
    task = _task("import:a")
    run = Run(task)
    run.reporter.runtime_error("bad")
    run.reporter.cleanup_error(TaskFailed("worse"))
    run.reporter.skip_ignore(task)
    assert capsys.readouterr().err == "error: bad\nworse\n"
    assert run.end().startswith("import a: ignored\n")
    assert not run.reporter.outcomes["import a"].well


def test_a_task_of_dodo_has_no_config() -> None:
    """A training is told by its name."""
    task = SimpleNamespace(
        name="train:a", actions=["x"], values={}, has_subtask=False, task_dep=[], meta=None
    )
    run = Run(task)
    run.reporter.execute_task(task)
    run.reporter.add_success(task)
    assert run.end().startswith("train:a: start\ntrain:a: done in ")
    assert run.reporter.outcomes["train:a"].config == ""
