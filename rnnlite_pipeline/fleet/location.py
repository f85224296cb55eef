"""A place of files by URL, through fsspec: what it holds, what is put there, how its errors read.

    a folder, file://, s3://, gs://     read and written
    http://, https://                   read only

The errors of fsspec's libraries are distinguished only here: `Missing` is an answer,
`Unreachable` is none. No message holds a user's name, a password or a query of the URL.
"""

from __future__ import annotations

import importlib
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.files import write_atomically, written_atomically

_INSTALL = "Run `pip install rnnlite[cache]`."

#: Bytes that are read at a time.
_CHUNK = 2**20

#: Seconds to connect, and tries: a place that does not answer costs little.
_SECONDS, _TRIES = 5, 2

#: The options of each protocol for that.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": _SECONDS,
            "read_timeout": 60,
            "retries": {"total_max_attempts": _TRIES},
        },
        "use_listings_cache": False,
    },
    "gs": {"use_listings_cache": False},
}
_OPTIONS["gcs"] = _OPTIONS["gs"]

#: Libraries that log their errors with tracebacks; the caller reports each error once.
_TALKATIVE = ("fsspec", "gcsfs", "s3fs")


class Missing(Exception):
    """There is no such file, or the user may not see it."""


class ReadOnly(Exception):
    """The user may not write to the place; the message says why."""


class Unreachable(Exception):
    """The place does not answer, or not as it should; the message says why."""


class TooLarge(Exception):
    """A file is larger than it may be."""


class Location:
    """Files under one URL.

    Args:
        url: A folder, or what fsspec knows.

    Raises:
        CallError: It is no URL that can be used, or the package that it needs is not installed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.shown = _without_secrets(url)
        self._secrets = [s for s in (parts.query, parts.password, parts.netloc) if s and s in url]
        if parts.query or parts.fragment:
            raise CallError(
                f"{self.shown}: expected a URL without `?` and `#`.",
                "Give credentials in the environment, as the provider's own tools take them.",
            )
        self.is_read_only = parts.scheme in ("http", "https")
        self._files, self._root, self._is_local = _opened(url, self.shown)

    def read(self, name: str, most: int) -> bytes:
        """A whole file.

        Raises:
            Missing: There is none.
            TooLarge: It has more than `most` bytes.
            Unreachable: The place does not answer.
        """
        return b"".join(self.chunks(name, most))

    def chunks(self, name: str, most: int) -> Iterator[bytes]:
        """A file piece by piece; raises as `read`."""
        with self._told():
            path = self._path(name)
            if self._is_local and (Path(path).is_symlink() or not Path(path).is_file()):
                raise Missing  # a link may lead anywhere, and a pipe never ends
            with self._files.open(path, "rb") as file:
                while piece := file.read(_CHUNK):
                    most -= len(piece)
                    if most < 0:
                        raise TooLarge
                    yield piece

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none. Raises Unreachable."""
        try:
            with self._told():
                size = self._files.info(self._path(name)).get("size")
                return int(size) if size is not None else None
        except Missing:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Puts a file there, whole or not at all.

        Raises:
            ReadOnly: The place takes none.
            Unreachable: It does not answer, or is full.
        """
        self._put(name, lambda path: self._files.pipe_file(path, content), content)

    def upload(self, name: str, source: Path) -> None:
        """The same with a file that is here."""
        self._put(name, lambda path: self._files.put_file(str(source), path), source)

    def _put(self, name: str, put: Callable[[str], object], content: bytes | Path) -> None:
        try:
            with self._told():
                path = self._path(name)
                if self.is_read_only:
                    raise ReadOnly(f"{self.shown} can only be read.")
                if not self._is_local:
                    put(path)  # an object appears whole, by its store's own rule
                elif isinstance(content, bytes):
                    write_atomically(Path(path), content)
                else:
                    with written_atomically(Path(path)) as file, content.open("rb") as source:
                        shutil.copyfileobj(source, file, _CHUNK)
        except Missing as error:
            raise ReadOnly(f"{self.shown} takes no files: {error}") from None

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (Missing, ReadOnly, TooLarge):
            raise
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            if (cause := _connection(error)) is not None:
                raise Unreachable(f"{self.shown}: {self._said(cause)}") from None
            raise Missing(self._said(error)) from None
        except NotImplementedError:
            raise ReadOnly(f"{self.shown} can only be read.") from None
        except Exception as error:  # noqa: BLE001  # each protocol's library has errors of its own
            raise Unreachable(f"{self.shown}: {self._said(error)}") from None

    def _said(self, error: BaseException) -> str:
        text = f"{type(error).__name__}: {error}".strip().split("\n", 1)[0]
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text[:300] + _of_credentials(error)


def _of_credentials(error: BaseException) -> str:
    """What an answer of S3 without words means; empty where it has others.

    Source: botocore.exceptions.ClientError, whose `response` has the HTTP status.
    """
    response = getattr(error, "response", None)
    told = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    refused = told.get("HTTPStatusCode") in (401, 403)
    return "; the credentials are wrong, or may not read there" if refused else ""


def _connection(error: OSError) -> BaseException | None:
    """What kept fsspec from asking, where it says of that too that there is no such file.

    Source: fsspec.implementations.http, `HTTPFileSystem._info`.
    """
    cause = error.__cause__
    answered = cause is None or isinstance(cause, FileNotFoundError) or hasattr(cause, "status")
    return None if answered else cause


def _opened(url: str, shown: str) -> tuple[Any, str, bool]:
    """fsspec's file system, the root in it, and whether it is a folder of this machine."""
    try:
        core = importlib.import_module("fsspec.core")
    except ImportError:
        raise CallError("fsspec is not installed.", _INSTALL) from None
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    protocol = urlsplit(url).scheme if "://" in url else "file"
    target = str(Path(url).absolute()) if protocol == "file" and "://" not in url else url
    try:
        options = {"skip_instance_cache": True, **_OPTIONS.get(protocol, {})}
        files, root = core.url_to_fs(target, **options)
    except ImportError as error:
        raise CallError(f"{shown}: {error}.", _INSTALL) from None
    except ValueError:
        known = "a folder, s3://, gs://, or http:// and https:// to read only"
        raise CallError(
            f"{shown}: there is no way to read {protocol}://.", f"Use {known}."
        ) from None
    return files, root, protocol in ("file", "local")


def _without_secrets(url: str) -> str:
    """The URL as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
