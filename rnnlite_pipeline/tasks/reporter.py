"""What a run tells: a line when a stage starts and one when it ends; errors on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, DependencyError, UnmetDependency

from rnnlite_pipeline.config.annotations import annotation
from rnnlite_pipeline.tasks.live import LiveLine


class Progress:
    """doit's reporter for this project; the names of its methods are doit's.

    Args:
        outstream: Where progress goes.
        options: Of doit's interface, not used.
    """

    desc = "a line a stage, and what was measured"

    #: Whether errors are told as GitHub's annotations too.
    annotate = False

    def __init__(self, outstream: TextIO, options: object = None) -> None:  # noqa: ARG002
        self._line: LiveLine | None = None
        self._out = outstream
        self._running: dict[str, float] = {}
        self._tasks: Mapping[str, Any] = {}
        self._selected: Sequence[str] = ()
        self._started: dict[str, float] = {}
        self._done: set[str] = set()

    def initialize(self, tasks: Mapping[str, Any], selected_tasks: Sequence[str]) -> None:
        """A run begins."""
        self._tasks, self._selected = tasks, selected_tasks
        self._line = LiveLine(self._out, self._running)

    def get_status(self, task: Any) -> None:
        """A task is about to be looked at."""

    def execute_task(self, task: Any) -> None:
        """A task starts."""
        if task.actions:
            self._started[task.name] = time.monotonic()
            self._tell(task, "start")
            self._running[_label(task)] = self._started[task.name]

    def add_success(self, task: Any) -> None:
        """A task is done."""
        if task.actions:
            self._done.add(task.name)
            seconds = time.monotonic() - self._started[task.name]
            how = task.values.get("how") or "done"
            self._tell(task, f"{how} in {seconds:.1f} s")

    def skip_uptodate(self, task: Any) -> None:
        """A task has nothing to do."""
        self._done.add(task.name)
        self._tell(task, "up to date")

    def skip_ignore(self, task: Any) -> None:
        """A task is left out because `doit ignore` said so."""
        self._tell(task, "ignored")

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed, or cannot run."""
        if isinstance(fail, UnmetDependency):
            self._tell(task, "not run, as what it needs failed")
            return
        message = fail.message
        if isinstance(fail, DependencyError):
            message = message.removeprefix("ERROR: ")
        elif fail.traceback:  # an error of our own making: doit would print all of it
            message = f"{message}: {fail.traceback[-1].strip()}"
        self._tell(task, "failed")
        sys.stderr.write(f"error: {message}\n")
        if self.annotate:
            config = (task.meta or {}).get("config")
            sys.stderr.write(f"{annotation(message, Path(config) if config else None)}\n")

    def cleanup_error(self, exception: BaseFail) -> None:
        """doit could not clean up."""
        sys.stderr.write(f"{exception.message}\n")

    def runtime_error(self, msg: str) -> None:
        """doit could not run."""
        sys.stderr.write(f"error: {msg}\n")

    def teardown_task(self, task: Any) -> None:
        """A task's teardown starts; there are none."""

    def complete_run(self) -> None:
        """The run is over: what came of the tasks that were asked for."""
        self._running.clear()
        if self._line:
            self._line.close()
        asked = list(self._asked_for())
        if (failed := [_label(t) for t in asked if t.name not in self._done]) and len(asked) > 1:
            self._out.flush()
            said = "".join(f"\n  {label}" for label in failed)
            sys.stderr.write(f"error: {len(failed)} of {len(asked)} failed:{said}\n")
        for task in asked:
            tell = (task.meta or {}).get("summary")
            if tell and task.name in self._done:
                self._out.write(tell())
        self._out.flush()

    def _asked_for(self) -> Iterator[Any]:
        for name in self._selected:
            task = self._tasks[name]
            if task.has_subtask:
                yield from (self._tasks[part] for part in task.task_dep)
            else:
                yield task

    def _tell(self, task: Any, what: str) -> None:
        self._running.pop(_label(task), None)
        text = f"{_label(task)}: {what}\n"
        if self._line:
            self._line.write(text)
        else:
            self._out.write(text)
            self._out.flush()


def _label(task: Any) -> str:
    label: str = (task.meta or {}).get("label", task.name)
    return label
