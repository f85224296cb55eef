"""A place of files by URL, through fsspec: what it holds, what is put there, how its errors read.

    a folder, file://, s3://, gs://     read and written
    http://, https://                   read only

The errors of fsspec's libraries are distinguished only here: `Missing` is an answer,
`Unreachable` is none. No message holds a user's name, a password or a query of the URL.

Who may not list a bucket is refused an object that is absent in the same way as one that may not be
read: `Denied` is both. S3 says so in "GetObject" and "HeadObject" of its API reference (without
s3:ListBucket: 403 instead of 404), Google in "Objects: get" (without storage.objects.list).
"""

from __future__ import annotations

import importlib
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.files import write_atomically, written_atomically

_INSTALL = "Run `pip install rnnlite[cache]`."
_KNOWN = "a folder, s3://, gs://, or http:// and https:// to read only"
_IN_ENVIRONMENT = "Give credentials in the environment, as the provider's own tools take them."

#: The user and the password of a URL, wherever in a text it stands.
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")

#: Bytes that are read at a time.
_CHUNK = 2**20

#: Seconds to connect, and tries: a place that does not answer costs little.
_SECONDS, _TRIES = 5, 2

#: What a web server answers that may answer otherwise after a pause, of so many seconds.
_BUSY, _PAUSE = (429, 500, 502, 503, 504), 1.0

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

#: The stores of objects: a bucket stands where other URLs have a host.
_STORES = ("s3", "s3a", "gs", "gcs")

#: Libraries that log their errors with tracebacks; the caller reports each error once.
_TALKATIVE = ("fsspec", "gcsfs", "s3fs")


class Missing(Exception):
    """There is no such file, or the user may not see it."""


class Denied(Missing):
    """The user is refused a file: it may not be read or written, or may be absent."""


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
        self.shown = _checked(url)
        self._hidden = _secrets(url)
        protocol = _protocol(url)
        self.is_read_only = protocol in ("http", "https")
        self._is_local = protocol in ("file", "local")
        self._files, self._root, self._why_not = self._opened(url, protocol)

    def read(self, name: str, most: int) -> bytes:
        """A whole file.

        Raises:
            Missing: There is none; `Denied` where that is not said.
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
            with self._asked(path, lambda: self._files.open(path, "rb")) as file:
                while piece := file.read(_CHUNK):
                    most -= len(piece)
                    if most < 0:
                        raise TooLarge
                    yield piece

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none, or it is refused. Raises Unreachable."""
        try:
            with self._told():
                path = self._path(name)
                size = self._asked(path, lambda: self._files.info(path)).get("size")
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

    def _asked(self, path: str, ask: Callable[[], Any]) -> Any:
        """What `ask` gives, asked again where a web server has no time.

        S3 answers it without words (HEAD): why it refuses is asked by GET.
        """
        try:
            return ask()
        except FileNotFoundError as error:
            if getattr(error.__cause__, "status", 0) not in _BUSY:
                raise
            time.sleep(_PAUSE)
            return ask()
        except PermissionError as error:
            if _s3_answer(error) != (403, "403"):
                raise
            self._files.cat_file(path, start=0, end=1)
            return ask()  # it is there now: somebody has just put it there

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            if self._why_not:
                raise self._why_not
            yield
        except (Missing, ReadOnly, TooLarge, Unreachable):
            raise
        except Exception as error:  # noqa: BLE001  # each protocol's library has errors of its own
            raise self._meaning(error) from None

    def _meaning(self, error: Exception) -> Exception:
        """What a library's error means here."""
        if isinstance(error, NotImplementedError):
            return ReadOnly(f"{self.shown} can only be read.")
        said = self._said(error)
        if _is_denied(error):
            return Denied(f"{said}; the credentials do not allow it")
        if isinstance(error, _ABSENT):
            if _is_answer(error.__cause__):
                return Missing(said)
            said = self._said(error.__cause__)
        wrong = "; the credentials are wrong" if _is_stranger(error) else ""
        return Unreachable(f"{self.shown}: {said}{wrong}")

    def _said(self, error: BaseException | None) -> str:
        text = f"{type(error).__name__}: {error}".strip().split("\n", 1)[0]
        return _USERINFO.sub("...@", self._hidden.sub("...", text))[:300]

    def _opened(self, url: str, protocol: str) -> tuple[Any, str, Exception | None]:
        """fsspec's file system, the root in it, and why it cannot be opened now."""
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            raise CallError("fsspec is not installed.", _INSTALL) from None
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            core.get_filesystem_class(protocol)
        except ImportError as error:
            raise CallError(f"{self.shown}: {error}.", _INSTALL) from None
        except ValueError:
            raise CallError(
                f"{self.shown}: there is no way to read {protocol}://.", f"Use {_KNOWN}."
            ) from None
        target = url
        if self._is_local:  # fsspec decodes no `%20` in file:///a%20b
            target = str(Path(unquote(urlsplit(url).path) if "://" in url else url).absolute())
        try:
            options = {"skip_instance_cache": True, **_OPTIONS.get(protocol, {})}
            return *core.url_to_fs(target, **options), None
        except Exception as error:  # noqa: BLE001  # ftp:// and others connect at once
            return None, "", error


#: What is raised where a file cannot be had.
_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def _is_answer(cause: BaseException | None) -> bool:
    """Whether an error of `_ABSENT` says that there is no such file; not where asking failed.

    Sources: fsspec.implementations.http, `HTTPFileSystem._info`, which says so of each failure;
    s3fs.errors, `translate_boto_error`, which does of a bucket.
    """
    if cause is None or isinstance(cause, FileNotFoundError):
        return True
    if answer := _s3_answer(cause):
        return answer[0] == 404 and answer[1] != "NoSuchBucket"
    return getattr(cause, "status", 0) in (403, 404, 410)


def _is_denied(error: Exception) -> bool:
    """Whether the store knows who asks, and refuses.

    Sources: Amazon S3, "List of error codes"; gcsfs.retry, `validate_response`.
    """
    forbidden = type(error) is OSError and str(error).startswith("Forbidden: ")
    return forbidden or _s3_answer(error) == (403, "AccessDenied")


def _is_stranger(error: Exception) -> bool:
    """Whether the store or server does not know who asks."""
    cause = error.__cause__
    codes = (*(_s3_answer(error) or ()), getattr(error, "code", 0), getattr(cause, "status", 0))
    return any(code in (401, 403, 407) for code in codes)


def _s3_answer(error: BaseException) -> tuple[int, str] | None:
    """The status of HTTP and the error code of S3's answer; None where it is another error.

    Source: botocore.exceptions.ClientError.
    """
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return status, str(response.get("Error", {}).get("Code", ""))
    return None


def _protocol(url: str) -> str:
    return urlsplit(url).scheme if "://" in url else "file"


def _checked(url: str) -> str:
    """A URL as it may be shown: without user and password.

    Raises:
        CallError: It is no URL of a place.
    """
    if "://" not in url:
        return url
    plain = _USERINFO.sub("", url)
    try:
        parts = urlsplit(plain)
        if parts.scheme not in _STORES:
            _ = parts.port
    except ValueError:  # what it says may hold a part of a password
        raise CallError(
            f"The host or the port of the cache's URL is wrong; expected {_KNOWN}.",
            "Write `/`, `?`, `#` and `@` in a user's name or password as %2F, %3F, %23 and %40.",
        ) from None
    shown = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    if parts.query or parts.fragment:
        raise CallError(f"{shown}: expected a URL without `?` and `#`.", _IN_ENVIRONMENT)
    if parts.scheme in ("file", "local") and parts.netloc:
        raise CallError(f"{shown}: expected {parts.scheme}:///PATH, without a host.")
    if parts.scheme in (*_STORES, "http", "https") and not parts.netloc:
        raise CallError(f"{shown}: expected {parts.scheme}://NAME/PATH.")
    if parts.scheme in _STORES and plain != url:
        raise CallError(f"{shown}: expected a URL without a user.", _IN_ENVIRONMENT)
    return shown


def _secrets(url: str) -> re.Pattern[str]:
    """The users and passwords of a URL, as they stand there, decoded, and encoded again."""

    def forms(text: str) -> set[str]:
        plain = unquote(text)
        return {re.escape(each) for each in (text, plain, quote(plain, safe="")) if each}

    found = set[str]()
    for each in _USERINFO.findall(url):
        user, _, password = each[:-1].partition(":")
        found |= forms(password) | {rf"(?<!\w){name}(?!\w)" for name in forms(user)}
    return re.compile("|".join(sorted(found, key=len, reverse=True)) or r"(?!)")
