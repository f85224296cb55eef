"""What doit remembers between runs: content digests, in one small file for each task.

doit's own checkers trust modification times, never look inside targets, and read a file's digest
after the task that used it has run. Here one value, `Fresh`, decides: it takes every digest before
the task runs, so the next run notices an input that was edited during the task. It also knows the
digests of what the task made, so a changed or missing output is made again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from doit.dependency import FileChangedChecker

from rnnlite_pipeline.files import digest, write_atomically


def content_digest(path: Path) -> str | None:
    """sha256 of a file or a folder; None where nothing is.

    Of what cannot be read it is the reason: the task that checks it runs, and says so.
    """
    try:
        return digest(path)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}" if path.exists() else None


def value_digest(value: object) -> str:
    """The sha256 of a JSON value; the order of its keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass
class Fresh:
    """Whether a task is up to date; one of these is the whole `uptodate` of its task.

    Args:
        digest: Gives the digest of everything that the result depends on, as far as it is known
            before a run; see `keys.py`.
        reads: Files and folders the task reads.
        makes: Files the task leaves; a file it may leave or not counts as well.
        may_read: Files the task reads if they are there, which it does not wait for.
        always: Whether the task is to run in any case.
    """

    digest: Callable[[], str]
    reads: Sequence[Path]
    makes: Sequence[Path]
    may_read: Sequence[Path] = ()
    always: bool = False
    _before: dict[str, str | None] = field(default_factory=dict, init=False)

    #: doit asks for the names of `__call__`'s arguments, of each task; this spares the search.
    __signature__: ClassVar = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for name in ("task", "values")
        ]
    )

    def __call__(self, task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """doit's question, asked right before a task would run; the names are doit's."""
        self._before = self._now()
        if self.always:
            return False
        return values.get("before") == self._before and values.get("made") == _digests(self.makes)

    def outcome(self) -> dict[str, Any]:
        """What to remember of a run that went well."""
        return {"before": self._before or self._now(), "made": _digests(self.makes)}

    def _now(self) -> dict[str, str | None]:
        return {"digest": self.digest(), **_digests((*self.reads, *self.may_read))}


def _digests(paths: Iterable[Path]) -> dict[str, str | None]:
    return {str(path): content_digest(path) for path in paths}


class Ordering(FileChangedChecker):
    """doit's file checker, left with ordering the tasks: `Fresh` knows what changed."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: object) -> bool:  # noqa: ARG002
        """Never: see `Fresh`."""
        return False

    def get_state(self, dep: str, current_state: object) -> str:  # noqa: ARG002
        """Nothing to remember; see `Fresh`."""
        return "ordered"


class StateFolder:
    """doit's database as a folder with one JSON file a task, replaced whole when the task is done.

    doit's own backends write once at the end of a run: after a kill they do not know what was
    already built. `deps:` is the last key doit sets for a task, and makes its record complete.

    Args:
        name: The folder; made at the first write.
        codec: doit's encoder of values.
        module_name: Of doit's interface, not used.
    """

    desc = "one file a task, safe to kill"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:  # noqa: ARG002
        self.name = name
        self._folder = Path(name)
        self._codec = codec
        self._tasks: dict[str, dict[str, Any]] = {}

    def get(self, task_id: str, dependency: str) -> Any:
        """The value kept for a task under a key, or None."""
        return self._load(task_id).get(dependency)

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Keep a value; written with the record's last key."""
        self._load(task_id)[dependency] = value
        if dependency in ("deps:", "ignore:"):
            self._write(task_id)

    def in_(self, task_id: str) -> bool:
        """Whether anything is kept for a task."""
        return bool(self._load(task_id))

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        self._tasks[task_id] = {}
        with suppress(OSError):  # a memory that stays is harmless: `Fresh` looks at the files
            self._path(task_id).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Forget every task."""
        self._tasks = {}
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def dump(self) -> None:
        """Nothing is left to write at the end of a run."""

    def _path(self, task_id: str) -> Path:
        return self._folder / f"{quote(task_id, safe='')}.json"

    def _load(self, task_id: str) -> dict[str, Any]:
        if task_id not in self._tasks:
            try:
                kept = self._codec.decode(self._path(task_id).read_text(encoding="utf-8"))
            except (OSError, ValueError):  # never written, or not by this class: build anew
                kept = {}
            self._tasks[task_id] = kept if isinstance(kept, dict) else {}
        return self._tasks[task_id]

    def _write(self, task_id: str) -> None:
        text = self._codec.encode(self._tasks[task_id])
        try:
            write_atomically(self._path(task_id), text.encode())
        except OSError as error:  # the work is done and right; only its memory is lost
            sys.stderr.write(f"{task_id} will run again next time: {error}\n")
