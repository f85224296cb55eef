"""The steps of a stage: told to its log while it works, and read from there by who waits for it."""

from __future__ import annotations

import re
from pathlib import Path

#: What a step's line begins with in a log.
MARK = "step: "

_LINE = re.compile(rf"^{MARK}(.*)$", re.M)


def step(what: str, number: int = 0, of: int = 0) -> None:
    """Tells what begins now.

    Args:
        what: In a few words, such as `running "zeros"`.
        number: Which of several this is, counted from 1; 0 where it is not counted.
        of: How many there are.
    """
    counted = f" ({number} of {of})" if of else ""
    print(f"{MARK}{what}{counted}", flush=True)


class Steps:
    """Reads the steps from a log that is being written.

    Args:
        log: The log; it may not be there yet.
    """

    def __init__(self, log: Path) -> None:
        self._log, self._read = log, 0

    def new(self) -> list[str]:
        """The steps told since the last call, in their order."""
        try:
            with self._log.open("rb") as file:
                if self._log.stat().st_size < self._read:  # it was begun anew
                    self._read = 0
                file.seek(self._read)
                lines, newline, _ = file.read().rpartition(b"\n")
        except OSError:
            return []
        self._read += len(lines) + len(newline)
        return _LINE.findall(lines.decode("utf-8", errors="replace"))
