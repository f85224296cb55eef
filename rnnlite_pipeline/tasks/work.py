"""What all tasks have in common: how they fail, and what they store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from doit.exceptions import BaseFail, TaskError, TaskFailed

from rnnlite_pipeline.errors import RnnliteError, of_system
from rnnlite_pipeline.tasks.child import run_command
from rnnlite_pipeline.tasks.state import Fresh

#: A task as doit wants it.
Task = dict[str, Any]


def task(
    name: str,
    work: Callable[[], str | None],
    fresh: Fresh,
    *,
    label: str,
    targets: Sequence[Path],
    meta: dict[str, Any] | None = None,
) -> Task:
    """A task that is up to date by content.

    Args:
        name: Its name within its group.
        work: Does it; the result says how, for the reporter.
        fresh: What decides whether it is up to date.
        label: Its name for the user.
        targets: The files it must leave.
        meta: What else the reporter and the commands need to know.
    """
    return {
        "name": name,
        "doc": label,
        "file_dep": [str(path) for path in fresh.reads],
        "targets": [str(path) for path in targets],
        "uptodate": [fresh],
        "actions": [(perform, [work, fresh])],
        "io": {"capture": False},  # the work prints to its log, not here
        "meta": {"label": label, **(meta or {})},
    }


def perform(work: Callable[[], str | None], fresh: Fresh) -> dict[str, Any] | BaseFail:
    """Does the work, and stores the digests of its inputs."""
    done = attempt(work)
    return done if isinstance(done, BaseFail) else {**fresh.outcome(), "how": done}


def attempt(work: Callable[[], str | None]) -> BaseFail | str:
    """Do the work; a failure the user should see becomes doit's failure value."""
    try:
        return work() or ""
    except RnnliteError as error:
        return failure(error)
    except OSError as error:
        return failure(of_system(error))


def failure(error: RnnliteError) -> BaseFail:
    """doit ends with 1 after a TaskFailed and with 2 after a TaskError, as rnnlite does."""
    fail = (TaskError if error.exit_status == 2 else TaskFailed)(str(error))
    fail.error = error  # for the reporter
    return fail


def program(name: str, command: Sequence[str], *, log: Path, label: str) -> Task:
    """A task that runs a program whenever it is asked for, such as the training of an example.

    No other task waits for it: a file that is checked in is made again only on request.

    Args:
        name: Its name within its group.
        command: The program and its arguments.
        log: Where all it prints goes.
        label: Its name for the user.
    """
    return {
        "name": name,
        "doc": label,
        "actions": [(attempt, [partial(run_command, command, log, label)])],
        "io": {"capture": False},
        "meta": {"label": label},
    }
