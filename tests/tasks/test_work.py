"""How a task fails, what it stores, and what doit is told of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from doit.exceptions import BaseFail, TaskError, TaskFailed

from rnnlite_pipeline.errors import CallError, RnnliteError, StageError
from rnnlite_pipeline.tasks.state import Fresh
from rnnlite_pipeline.tasks.work import attempt, failure, perform, program, task


def _raised(error: Exception) -> str:
    raise error


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (StageError("It failed.", "Mend it."), TaskFailed, "It failed.\n  Mend it."),
        (CallError("It is wrong."), TaskError, "It is wrong."),
        (PermissionError(13, "Permission denied", "x"), TaskFailed, "x: Permission denied."),
    ],
)
def test_an_error_to_show_becomes_a_failure(
    error: Exception, kind: type[BaseFail], message: str
) -> None:
    """doit ends with 1 after one kind and with 2 after the other; the error itself goes with it."""
    failed = attempt(lambda: _raised(error))
    assert isinstance(failed, BaseFail)
    assert type(failed) is kind
    assert message in str(failed.message)
    assert isinstance(failed.error, RnnliteError)


def test_an_error_of_our_own_is_not_hidden() -> None:
    """What nobody foresaw stays what it is."""
    with pytest.raises(KeyError):
        attempt(lambda: _raised(KeyError("x")))


@pytest.mark.parametrize(
    ("told", "how"), [(None, ""), ("", ""), ("from the cache", "from the cache")]
)
def test_how_work_was_done_is_kept(told: str | None, how: str) -> None:
    """Work that says nothing was done in the usual way."""
    assert attempt(lambda: told) == how


def test_what_a_task_stores(tmp_path: Path) -> None:
    """The digests of inputs before the work, of outputs after it; or a failure."""
    source, made = tmp_path / "source", tmp_path / "made"
    source.write_bytes(b"old")
    fresh = Fresh(lambda: "digest", (source,), (made,))
    assert not fresh(None, {})

    def work() -> None:
        source.write_bytes(b"edited meanwhile")
        made.write_bytes(b"made")

    stored = perform(work, fresh)
    assert isinstance(stored, dict)
    assert stored["how"] == ""
    assert fresh(None, stored) is False  # the edit is seen by the next run
    source.write_bytes(b"old")
    assert fresh(None, stored)
    assert isinstance(perform(lambda: _raised(StageError("x")), fresh), TaskFailed)


def test_a_task_as_doit_wants_it(tmp_path: Path) -> None:
    """doit orders by the files as text; whether it runs is decided by content alone."""
    fresh = Fresh(lambda: "", (tmp_path / "in",), (tmp_path / "out",), (tmp_path / "perhaps",))
    made = task(
        "fake",
        lambda: "",
        fresh,
        label="stage fake",
        targets=(tmp_path / "out",),
        meta={"log": "l"},
    )
    assert made["file_dep"] == [str(tmp_path / "in")]  # nobody waits for what may be read
    assert made["targets"] == [str(tmp_path / "out")]
    assert made["uptodate"] == [fresh]
    assert made["io"] == {"capture": False}  # a stage has its log; what is told here is shown
    assert made["meta"] == {"label": "stage fake", "log": "l"}
    (function, arguments), *others = made["actions"]
    assert not others
    assert function(*arguments)["how"] == ""


@pytest.mark.parametrize(("code", "status"), [("print('said')", 0), ("raise SystemExit(3)", 3)])
def test_a_program_is_a_task_that_always_runs(tmp_path: Path, code: str, status: int) -> None:
    """It has no inputs and no outputs; what it prints is in its log, which a failure names."""
    log = tmp_path / "logs" / "train.log"
    made = program("x", [sys.executable, "-c", code], log=log, label="train x")
    assert not made.keys() & {"file_dep", "targets", "uptodate"}
    assert made["io"] == {"capture": False}
    ((function, arguments),) = made["actions"]
    done = function(*arguments)
    if status == 0:
        assert done == ""
        assert log.read_text() == "said\n"
    else:
        assert isinstance(done, TaskFailed)
        assert f"train x ended with status {status}" in str(done.message)
        assert str(log) in str(done.message)


def test_a_failure_has_the_error_s_status() -> None:
    """Whatever its class: an error of a child has the child's status."""
    error = StageError("x")
    error.exit_status = 2
    assert type(failure(error)) is TaskError
