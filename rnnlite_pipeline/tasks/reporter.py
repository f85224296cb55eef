"""What a run prints: a line when a stage starts and one when it ends; errors on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, DependencyError, UnmetDependency

from rnnlite_pipeline.config.annotations import annotated
from rnnlite_pipeline.errors import CallError, RnnliteError, StageError, named
from rnnlite_pipeline.tasks.live import Live
from rnnlite_pipeline.tasks.outcome import Outcome, State, shown, summary


@dataclass(frozen=True)
class Telling:
    """How much a run prints.

    Attributes:
        annotate: Errors as GitHub's annotations too.
        quiet: Nothing but errors.
        steps: Every step of each stage.
        summarize: How many are done and which failed, where there are several.
    """

    annotate: bool = False
    quiet: bool = False
    steps: bool = False
    summarize: bool = True


class Progress:
    """doit's reporter for this project; the names of its methods are doit's.

    Args:
        outstream: Where progress goes.
        options: Of doit's interface, not used.
    """

    desc = "a line a stage, and what was measured"

    #: How much is printed.
    telling = Telling()

    def __init__(self, outstream: TextIO, options: object = None) -> None:  # noqa: ARG002
        self._live: Live | None = None
        self._out = outstream
        self._tasks: Mapping[str, Any] = {}
        self._selected: Sequence[str] = ()
        self._started: dict[str, float] = {}
        self._several = False
        #: What became of each task, by its label.
        self.outcomes: dict[str, Outcome] = {}

    def initialize(self, tasks: Mapping[str, Any], selected_tasks: Sequence[str]) -> None:
        """A run begins."""
        self._tasks, self._selected = tasks, selected_tasks
        self._live = Live(self._out, steps=self.telling.steps, quiet=self.telling.quiet)
        self._several = len({_config(task) for task in self._asked_for()}) > 1

    def get_status(self, task: Any) -> None:
        """A task is about to be looked at."""

    def execute_task(self, task: Any) -> None:
        """A task starts."""
        if task.actions:
            self._started[task.name] = time.monotonic()
            self._tell(task, "start")
            if self._live:
                self._live.start(_label(task), (task.meta or {}).get("log"))

    def add_success(self, task: Any) -> None:
        """A task is done."""
        if task.actions:
            how = task.values.get("how") or "done"
            seconds = self._ended(task, "done")
            self._tell(task, f"{how} in {seconds:.1f} s")

    def skip_uptodate(self, task: Any) -> None:
        """A task has nothing to do."""
        self._ended(task, "up to date")
        self._tell(task, "up to date")

    def skip_ignore(self, task: Any) -> None:
        """A task is left out because `doit ignore` said so."""
        self._ended(task, "not run")
        self._tell(task, "ignored")

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task failed, or cannot run."""
        if isinstance(fail, UnmetDependency):
            self._ended(task, "not run")
            self._tell(task, "not run, as what it needs failed")
            return
        error = _error(fail)
        self._ended(task, "failed", error)
        self._tell(task, "failed")
        config = shown(_config(task)) if self._several else ""
        sys.stderr.write(f"error: {named(config, str(error))}\n")
        if self.telling.annotate:
            sys.stderr.write(annotated(error, _file(task)))

    def cleanup_error(self, exception: BaseFail) -> None:
        """doit could not clean up."""
        sys.stderr.write(f"{exception.message}\n")

    def runtime_error(self, msg: str) -> None:
        """doit could not run."""
        sys.stderr.write(f"error: {msg}\n")

    def teardown_task(self, task: Any) -> None:
        """A task's teardown starts; there are none."""

    def complete_run(self) -> None:
        """The run is over: the results of the tasks that were asked for."""
        if self._live:
            self._live.close()
        asked = [self.outcomes.get(_label(t)) or _outcome(t, "not run") for t in self._asked_for()]
        tells = [(task.meta or {}).get("summary") for task in self._asked_for()]
        for tell, outcome in zip(tells, asked, strict=True):
            if tell and outcome.well and not self.telling.quiet:
                self._out.write(tell())
        self._out.flush()
        well = all(outcome.well for outcome in asked)
        if len(asked) > 1 and (self.telling.summarize or not well):
            text = summary(asked, list(self.outcomes.values()))
            if not well:
                sys.stderr.write(text)
            elif not self.telling.quiet:
                self._out.write(text)
        self._out.flush()

    def _asked_for(self) -> Iterator[Any]:
        for name in self._selected:
            task = self._tasks[name]
            if task.has_subtask:
                yield from (self._tasks[part] for part in task.task_dep)
            else:
                yield task

    def _ended(self, task: Any, state: State, error: RnnliteError | None = None) -> float:
        """Notes what became of a task; the seconds it took."""
        began = self._started.get(task.name)
        seconds = time.monotonic() - began if began is not None else 0.0
        self.outcomes[_label(task)] = _outcome(task, state, seconds, error)
        if self._live:
            self._live.stop(_label(task))
        return seconds

    def _tell(self, task: Any, what: str) -> None:
        text = f"{_label(task)}: {what}\n"
        if self._live:
            self._live.write(text)
        elif not self.telling.quiet:
            self._out.write(text)
            self._out.flush()


def _outcome(
    task: Any, state: State, seconds: float = 0.0, error: RnnliteError | None = None
) -> Outcome:
    release = task.name.partition(":")[2]
    return Outcome(_label(task), release, shown(_config(task)), state, seconds, error)


def _error(fail: BaseFail) -> RnnliteError:
    """The error that a task failed with; what doit found, or a fault of ours, becomes one."""
    known = getattr(fail, "error", None)
    if isinstance(known, RnnliteError):
        return known
    message = str(fail.message)
    if isinstance(fail, DependencyError):
        return CallError(message.removeprefix("ERROR: "))
    if fail.traceback:  # an error of our own making: doit would print all of it
        message = f"{message}: {fail.traceback[-1].strip()}"
    return StageError(message)


def _config(task: Any) -> Path | None:
    named_by = (task.meta or {}).get("reference")
    return Path(named_by) if named_by else None


def _file(task: Any) -> Path | None:
    """The config's file, whichever of its variants the task is for."""
    named_by = (task.meta or {}).get("config")
    return Path(named_by) if named_by else None


def _label(task: Any) -> str:
    label: str = (task.meta or {}).get("label", task.name)
    return label
