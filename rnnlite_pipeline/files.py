"""Files appear whole under their final name, or not at all; zips of equal contents are equal.

A process that runs a stage may write all of its files and still end badly: a heap that a native
library corrupted is often noticed at the exit alone. So what it writes is held back
(`hold_back`), and the process that started it moves the files to their final names (`release`)
once it has ended with status 0.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
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


#: What the zip module raises for what is damaged, locked, or packed in a way it does not know.
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

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


def user_cache() -> Path:
    """The folder of this program in the user's cache: `XDG_CACHE_HOME`, else ~/.cache.

    A user without a home, as in some containers, has none: nothing can be written to what is given.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnlite"
    except RuntimeError:
        return Path("/nonexistent/rnnlite")


def near(path: Path) -> Path:
    """A path as the user would type it: relative to the working folder where it is below it."""
    whole, here = path.absolute(), Path.cwd()
    return whole.relative_to(here) if here in whole.parents or here == whole else whole


#: A time of day as a zip keeps it.
Moment = tuple[int, int, int, int, int, int]

#: The first moment a zip can hold, and the last one, in UTC.
FIRST_MOMENT: Moment = (1980, 1, 1, 0, 0, 0)
LAST_MOMENT: Moment = (2107, 12, 31, 23, 59, 58)

#: A regular file that everyone reads and its owner writes.
_MODE = 0o100644


def zip_bytes(files: Mapping[str, bytes], moment: Moment = FIRST_MOMENT, after: int = 0) -> bytes:
    """Pack files so that equal contents give equal bytes, on any machine, by any user.

    The members are sorted, stored without compression (deflate differs between builds of zlib),
    and carry one time and one mode.

    Args:
        files: Contents by name, with `/` between folders.
        moment: The time every member carries.
        after: How many bytes will stand before the archive in its file. Its offsets count from
            the start of the file, as readers expect that know of nothing in front of a zip.

    Returns:
        The archive.
    """
    buffer = io.BytesIO()
    buffer.seek(after)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, moment)
            member.create_system = 3  # Unix, whatever this machine is
            member.external_attr = _MODE << 16
            archive.writestr(member, files[name])
    return buffer.getvalue()[after:]


def source_date_epoch() -> int | None:
    """SOURCE_DATE_EPOCH in seconds since 1970, UTC; None where it is not set to a number.

    Source: reproducible-builds.org, SOURCE_DATE_EPOCH, version 1.1.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(epoch) if epoch.isascii() and epoch.isdecimal() else None


def moment_of_release() -> Moment:
    """The time every member of a release carries: SOURCE_DATE_EPOCH, or else 1980-01-01."""
    epoch = source_date_epoch()
    if epoch is None:
        return FIRST_MOMENT
    try:
        moment = time.gmtime(epoch)[:6]
    except (OverflowError, OSError, ValueError):
        return LAST_MOMENT
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)


def digest(path: Path) -> str:
    r"""The sha256 of a file or of a folder, in hexadecimal digits.

    A folder's is that of the list of its files, a line `SHA256  PATH` each, sorted by the bytes
    of the path below the folder: what this prints inside the folder, where no file is a link:
    `find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`.

    A link counts as what it leads to.

    Raises:
        OSError: Something in it cannot be read, or a link leads to a folder around it.
    """
    try:
        return _file_digest(path)
    except (IsADirectoryError, PermissionError):  # Windows tells the second one of a folder
        if not path.is_dir():
            raise
    files = _files_below(path)
    names = sorted((os.fsencode(file.relative_to(path).as_posix()), file) for file in files)
    listing = b"".join(digest(file).encode() + b"  " + name + b"\n" for name, file in names)
    return hashlib.sha256(listing).hexdigest()


def _files_below(folder: Path, around: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """Every file in a folder and the folders in it; links are followed.

    Args:
        folder: The folder.
        around: The folders around it, each by its device and number.
    """
    state = folder.stat()
    here = (state.st_dev, state.st_ino)
    if here in around:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir():
                yield from _files_below(path, around | {here})
            else:
                yield path


#: What a file is known by: its device, number, size, and the times of its last changes.
_Known = tuple[int, int, int, int, int]

#: The digests that this process has taken, of files that had not been changed lately.
_DIGESTS: dict[_Known, str] = {}

#: The most bytes of a file that are read at a time.
_BLOCK = 2**18

#: Nanoseconds after which a file's time of change tells it from every later state of it. The
#: coarsest clock of a file system counts two seconds (FAT).
_SETTLED = 3 * 10**9


def _file_digest(path: Path) -> str:
    """The sha256 of a file; of one that is as it was when it was read, the same as then.

    The system sets the time of change (`st_ctime`) at each change, and nobody else does. It counts
    in steps, so a file that was changed just now may change again within the same step: the digest
    of such a file is not kept.
    """
    if found := _DIGESTS.get(_known(path.stat())):
        return found
    with path.open("rb", buffering=0) as file:
        state, now = os.fstat(file.fileno()), time.time_ns()
        digest = _stream_digest(file, min(state.st_size + 1, _BLOCK))
    if now - state.st_ctime_ns > _SETTLED:
        _DIGESTS[_known(state)] = digest
    return digest


def _stream_digest(file: IO[bytes], block: int) -> str:
    """The sha256 of an open file, read by `block` bytes.

    `hashlib.file_digest` clears a buffer of 256 KB first: more work than a small file is.
    """
    sha256 = hashlib.sha256()
    while content := file.read(block):
        sha256.update(content)
    return sha256.hexdigest()


def _known(state: os.stat_result) -> _Known:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
