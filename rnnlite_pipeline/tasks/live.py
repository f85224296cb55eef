"""A line that lives: what runs and for how long, while it runs, on a terminal."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping
from typing import TextIO

#: How often the line is written anew.
SECONDS = 0.5

_ERASE = "\r\033[K"


class LiveLine:
    """Shows the stages that run; on what is no terminal, nothing at all.

    Args:
        out: Where it is shown.
        running: When each stage started, by label, in the clock of `time.monotonic`; others
            change it meanwhile.
    """

    def __init__(self, out: TextIO, running: Mapping[str, float]) -> None:
        self._out, self._running = out, running
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._is_terminal = out.isatty()
        if self._is_terminal:
            threading.Thread(target=self._live, daemon=True).start()

    def write(self, text: str) -> None:
        """Writes whole lines that stay, above the one that lives."""
        with self._lock:
            self._out.write((_ERASE if self._is_terminal else "") + text)
            self._out.flush()

    def close(self) -> None:
        """Erases the line, for good."""
        self._over.set()
        self.write("")

    def _live(self) -> None:
        while not self._over.wait(SECONDS):
            with self._lock:
                if not self._over.is_set():
                    self._out.write(_ERASE + self._text())
                    self._out.flush()

    def _text(self) -> str:
        now = time.monotonic()
        parts = [f"{label} {now - start:.0f} s" for label, start in list(self._running.items())]
        return ", ".join(parts)[: shutil.get_terminal_size().columns - 1]
