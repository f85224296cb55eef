"""A part of a stage in a process of its own: what may crash, or must not share memory.

The process is on a leash: when the one that started it dies, its standard input closes, and it
ends as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import rnnlite_pipeline

#: Longer than any part takes; a process that hangs is ended then.
SECONDS = 600.0


def run_apart(
    module: str, words: Sequence[str], seconds: float = SECONDS, log: int | None = None
) -> tuple[str, str]:
    """Runs `python -m MODULE WORDS`, which prints some text, and waits for it.

    Args:
        module: Its main program is `tell(...)`.
        words: Its arguments.
        seconds: How long it may take.
        log: The handle that its standard error goes to; this process' own where None.

    Returns:
        What it printed, and why it failed: empty where it did not.
    """
    with Apart(module, words, seconds, log) as process:
        return process.answer()


class Apart:
    """The same, running while this process does something else; left, it is ended.

    Args: As `run_apart`. What it prints must fit into a pipe (64 KiB) until it is asked for.
    """

    def __init__(
        self, module: str, words: Sequence[str], seconds: float = SECONDS, log: int | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(),
            text=True,
        )
        self._alarm = threading.Timer(seconds, self._process.kill)
        self._alarm.daemon = True
        self._alarm.start()

    def answer(self) -> tuple[str, str]:
        """Waits for it: what it printed, and why it failed."""
        assert self._process.stdout is not None
        told = self._process.stdout.read()
        return told.strip(), _why(self._process.wait(), self._alarm)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._alarm.cancel()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def tell(work: Callable[[], str]) -> None:
    """The main program of such a process: what `work` returns is what it prints.

    Everything else that anyone prints goes to standard error.
    """
    end_with_parent()
    told = os.dup(1)
    os.dup2(2, 1)
    line = work()
    with os.fdopen(told, "w", encoding="utf-8") as file:
        file.write(line)


def end_with_parent() -> None:
    """Ends this process when the other end of its standard input closes."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _why(status: int, alarm: threading.Timer) -> str:
    if status == 0:
        return ""
    if status > 0:
        return f"ended with status {status}"
    if not alarm.is_alive():
        return "took too long"
    try:
        return f"crashed with {signal.Signals(-status).name}"
    except ValueError:
        return f"crashed with signal {-status}"


def environment() -> dict[str, str]:
    """`-P` keeps the working folder off the path; this package's own folder must be on it."""
    root = str(Path(rnnlite_pipeline.__file__).parents[1])
    paths = [path for path in (os.environ.get("PYTHONPATH"), root) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
