"""`--cache URL`: shares finished stages, found by their content.

A stage is kept as one entry and a blob for each of its files:

    stages/KK/KEY.json    KEY is the stage's digest (`tasks/keys.py`). The entry has the sha256 and
                          size of each file of the stage, and the sha256 of its intermediate inputs
    blobs/DD/SHA256       the content of a file

1. The entry is written last, and every file appears complete. So a reader sees a whole stage or
   nothing. Two writers of one stage write the same blobs, and both entries are right.
2. An entry does not say where its files are written. The stage knows the names of its files, and
   an entry with any other name is refused.
3. At most the stated size of a file is read. Its sha256 and size are checked before it is moved to
   its final name. Links and other irregular files are not read.
4. An entry counts only if its intermediate inputs are equal to the files that are here.
5. What is refused is told once, made here, and written over.
6. A place that cannot be reached is told once; the work goes on here without it.
7. A store may refuse what is absent as it refuses what may not be read (`Denied`). It is a miss. To
   know which of both it is, the first entry that is stored after one is read back: if that is
   refused too, nothing is read any more, and this is told once.

Whoever can write to the place decides what others get from it: give it the protection of a build
machine, and hold releases to their locks.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rnnlite_pipeline.files import digest, written_atomically
from rnnlite_pipeline.fleet.location import (
    Denied,
    Location,
    Missing,
    ReadOnly,
    TooLarge,
    Unreachable,
)

#: The version of the format; it is increased when entries change their meaning.
FORM = 1

#: The largest file of a stage, and the largest entry, in bytes.
LARGEST = 2**32
_LARGEST_ENTRY = 2**20

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """An entry is damaged or hostile; the message gives the reason."""


class Blob(NamedTuple):
    """The content of a file: its sha256 in hexadecimal digits, and its size in bytes."""

    sha256: str
    size: int


class Cache:
    """Finished stages under a URL; safe to use from several threads.

    Args:
        url: A folder, s3://, gs://, http:// or https://.
        strict: Whether it is an error (Unreachable, ReadOnly), and not a warning, if a file cannot
            be fetched or stored.

    Raises:
        CallError: The URL cannot be used.
    """

    def __init__(self, url: str, *, strict: bool = False) -> None:
        self.url = url
        self._place = Location(url)
        self._strict = strict
        self._lock = threading.Lock()
        self._readable, self._writable = True, not self._place.is_read_only
        self._may_be_blind = False  # rule 7
        self._refused: set[str] = set()

    def fetch(
        self,
        key: str,
        files: Mapping[str, Path],
        optional: frozenset[str],
        made_of: Mapping[str, str],
    ) -> bool:
        """Fetches the files of a stage from the cache: all of them or none.

        Args:
            key: The stage's digest.
            files: The path of each file, by its name in the entry. A file that is there is
                replaced, or removed if the entry does not have it.
            optional: The names that may be missing in the entry.
            made_of: The sha256 of each intermediate input of the stage, by name.

        Returns:
            Whether the files were fetched.
        """
        if not self._readable:
            return False
        try:
            entry = _checked(self._place.read(_entry(key), _LARGEST_ENTRY), key, files, optional)
            if entry["made_of"] != dict(made_of):
                return False
            self._take(entry["files"], files)
        except Denied:
            self._may_be_blind = True
            return False
        except Missing:
            return False
        except (Refused, TooLarge) as error:
            self._refuse(key, str(error) or "it is larger than it may be")
            return False
        except Unreachable as error:
            self._lost(error)
            return False
        return True

    def store(self, key: str, files: Mapping[str, Path], made_of: Mapping[str, str]) -> None:
        """Stores the files of a stage.

        Args:
            key: The stage's digest.
            files: The files that exist, by their names in the entry.
            made_of: As of `fetch`.
        """
        if not self._writable:
            return
        told: dict[str, dict[str, Any]] = {}
        try:
            for name, path in files.items():
                told[name] = self.keep(path, anew=key in self._refused)._asdict()
            entry = {"form": FORM, "key": key, "made_of": dict(made_of), "files": told}
            self._place.write(_entry(key), json.dumps(entry, sort_keys=True).encode())
            self._check_sight(key)
        except ReadOnly as error:
            if self._strict:
                raise
            with self._lock:
                first, self._writable = self._writable, False
            if first:
                self._warn(f"nothing is stored in the cache: {error}")
        except Unreachable as error:
            self._lost(error)

    def has_refused(self, key: str) -> bool:
        """Whether the entry of a stage was refused as damaged."""
        return key in self._refused

    def refuse(self, key: str) -> None:
        """Notes that the files of a stage are damaged: they are written again when it is stored."""
        self._refused.add(key)

    def keep(self, path: Path, *, anew: bool = False) -> Blob:
        """Stores one file. A file that is there already is written again only if `anew` is true.

        Raises:
            ReadOnly, Unreachable: As the place says.
        """
        blob = Blob(digest(path), path.stat().st_size)
        if anew or self._place.size(_blob(blob.sha256)) != blob.size:
            self._place.upload(_blob(blob.sha256), path)
        return blob

    def take(self, blob: Blob, path: Path) -> None:
        """Fetches one file, and checks it.

        Raises:
            Refused: It is damaged.
            Unreachable: As the place says.
        """
        self._take_one(path.name, path, blob.sha256, blob.size)

    def _take(self, told: Mapping[str, Mapping[str, Any]], files: Mapping[str, Path]) -> None:
        for name, path in files.items():
            if name in told:
                self._take_one(name, path, str(told[name]["sha256"]), int(told[name]["size"]))
            else:
                path.unlink(missing_ok=True)

    def _take_one(self, name: str, path: Path, sha256: str, size: int) -> None:
        found, count = hashlib.sha256(), 0
        with written_atomically(path) as file:
            try:
                for piece in self._place.chunks(_blob(sha256), size):
                    found.update(piece)
                    count += len(piece)
                    file.write(piece)
            except Missing:
                raise Refused(f"its file {name} is missing") from None
            if count != size or found.hexdigest() != sha256:
                raise Refused(f"its file {name} is not the one that it names")

    def _refuse(self, key: str, why: str) -> None:
        self._refused.add(key)
        self._warn(f"an entry of the cache is refused, and made anew: {why} ({_entry(key)})")

    def _check_sight(self, key: str) -> None:
        """Whether an entry that is there can be read, where that is in doubt (rule 7)."""
        if not self._may_be_blind:
            return
        try:
            self._place.read(_entry(key), _LARGEST_ENTRY)
        except Denied as error:
            if self._strict:
                raise Unreachable(f"{self._place.shown} can only be written: {error}") from None
            with self._lock:
                first, self._readable = self._readable, False
            if first:
                self._warn(f"nothing is taken from the cache, what it holds is refused: {error}")
        except (Missing, TooLarge):  # somebody else removed it or wrote over it
            return
        self._may_be_blind = False

    def _lost(self, error: Unreachable) -> None:
        if self._strict:
            raise error
        with self._lock:
            first, self._readable, self._writable = self._readable, False, False
        if first:
            self._warn(f"the cache cannot be used, all is made here: {error}")

    def _warn(self, message: str) -> None:
        with self._lock:
            sys.stderr.write(f"warning: {message}\n")


def _checked(
    content: bytes, key: str, files: Mapping[str, Path], optional: frozenset[str]
) -> dict[str, Any]:
    """The entry, checked: it has the right form, is of this stage, and names only its files."""
    try:
        entry = json.loads(content)
        told = entry["files"]
        right = (
            entry["form"] == FORM
            and entry["key"] == key
            and isinstance(entry["made_of"], dict)
            and all(
                isinstance(each["sha256"], str)
                and _SHA256.fullmatch(each["sha256"])
                and type(each["size"]) is int
                and 0 <= each["size"] <= LARGEST
                for each in told.values()
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right = False
    if not right:
        raise Refused("it is damaged")
    if strange := sorted(set(told) - set(files)):
        raise Refused(f"it names a file that the stage does not make, {strange[0][:80]!r}")
    if lacking := sorted(set(files) - set(told) - optional):
        raise Refused(f"it lacks {lacking[0]}")
    return dict(entry)


def _entry(key: str) -> str:
    return f"stages/{key[:2]}/{key}.json"


def _blob(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"
