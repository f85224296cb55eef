"""What runs, at which step and for how long, shown while it runs.

On a terminal each running stage has a line below those that stay (rich). With `steps`, each step
is a line that stays, on a terminal or not.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rnnlite_pipeline.steps import Steps

#: How often the logs are looked at.
SECONDS = 0.3


@dataclass
class _Running:
    """A stage that runs: its label, its steps, and its line on the terminal."""

    label: str
    steps: Steps
    line: Any = None


class Live:
    """Shows the stages that run.

    Args:
        out: Where they are shown.
        steps: Whether each step is a separate line.
        quiet: Whether nothing is shown at all.
    """

    def __init__(self, out: TextIO, *, steps: bool = False, quiet: bool = False) -> None:
        self._out, self._steps, self._quiet = out, steps, quiet
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._progress = _progress(out) if out.isatty() and not quiet else None
        if (self._progress or steps) and not quiet:
            threading.Thread(target=self._watch, daemon=True).start()

    def start(self, label: str, log: Path | None) -> None:
        """A stage starts, which writes to a log."""
        running = _Running(label, Steps(log or Path()))
        running.steps.new()  # what an earlier run left there
        with self._lock:
            if self._progress:
                running.line = self._progress.add_task(label, step="", total=None)
            self._running[label] = running

    def stop(self, label: str) -> None:
        """A stage has ended."""
        self._look()
        with self._lock:
            running = self._running.pop(label, None)
            if self._progress and running:
                self._progress.remove_task(running.line)

    def write(self, text: str) -> None:
        """Writes whole lines that stay."""
        if self._quiet:
            return
        if progress := self._progress:
            console = progress.console
            console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        else:
            self._out.write(text)
            self._out.flush()

    def close(self) -> None:
        """Nothing runs any more."""
        self._over.set()
        with self._lock:
            if self._progress:
                self._progress.stop()
                self._progress = None

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        with self._lock:  # until it is shown: a line that was removed meanwhile cannot be updated
            for running in self._running.values():
                steps = running.steps.new()
                if steps and self._progress:
                    self._progress.update(running.line, step=steps[-1])
                if steps and self._steps:
                    self.write("".join(f"{running.label}: {step}\n" for step in steps))


def _progress(out: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[step]}", markup=False),
    )
    progress = Progress(*columns, console=Console(file=out, soft_wrap=True), transient=True)
    progress.start()
    return progress
