"""Files appear whole under their final name, or not at all; and how a path is shown.

A process that runs a stage may write all of its files and still end badly: a heap that a native
library corrupted is often noticed at the exit alone. So what it writes is held back
(`hold_back`), and the process that started it moves the files to their final names (`release`)
once it has ended with status 0.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Held:
    """Where a stage's files wait for its end.

    Attributes:
        out: The model's folder, where they belong.
        folder: Where they are until then, under the same relative names; on one file system with
            `out`, so that a move is a rename.
    """

    out: Path
    folder: Path

    @classmethod
    def of(cls, stage: str, out: Path) -> Held:
        """The place for one stage of one model; the stages of a run have a folder each."""
        return cls(out, out / ".work" / "held" / stage)

    def discard(self) -> None:
        """Removes what waits: it was written by a process that did not end well."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Moves every file to its final name, those of `.work` first.

        A run that is killed meanwhile has not noted the stage as done, and does it again.

        Raises:
            OSError: A file cannot be moved.
        """
        files = [path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()]
        for name in sorted(files, key=lambda name: (name.parts[0] != ".work", name)):
            final = self.out / name
            final.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).replace(final)
        self.discard()


#: What this process holds back; empty in a process that is no stage.
_HELD: list[Held] = []


def hold_back(held: Held) -> None:
    """From here on, what this process writes into the model's folder waits for its end."""
    _HELD[:] = [held]


def write_atomically(
    path: Path, content: bytes, mode: int = 0o644, *, at_once: bool = False
) -> None:
    """Write beside the final name, then move there.

    Args:
        path: The final name; its folder is made if it is missing.
        content: The whole file.
        mode: Permissions of the file, whatever the umask.
        at_once: Whether the file gets its final name now although this process runs a stage: what
            tells of a failure must stay, however the process ends.

    Raises:
        OSError: The folder cannot be written or the disk is full; nothing is left behind.
    """
    with written_atomically(path, mode, at_once=at_once) as file:
        file.write(content)


@contextmanager
def written_atomically(
    path: Path, mode: int = 0o644, *, at_once: bool = False
) -> Iterator[IO[bytes]]:
    """A file to write into that gets its final name when the block ends well.

    Args:
        path: The final name; its folder is made if it is missing.
        mode: Permissions of the file, whatever the umask.
        at_once: As `write_atomically`.

    Raises:
        OSError: The folder cannot be written or the disk is full; nothing is left behind.
    """
    if not at_once:
        path = _waiting(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            os.fchmod(file.fileno(), mode)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _waiting(path: Path) -> Path:
    """Where a file is written to: its final name, or its place among those that wait."""
    whole = path.absolute()
    for held in _HELD:
        if whole.is_relative_to(held.out.absolute()):
            return held.folder / whole.relative_to(held.out.absolute())
    return path


def near(path: Path) -> Path:
    """A path as the user would type it: relative to the working folder where it is below it."""
    whole = path.absolute()
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole
