"""A place of files by URL: what its answers mean, and what its messages may show."""

from __future__ import annotations

import http.server
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fsspec", reason="the extra `cache` is not installed")

from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.fleet import location
from rnnlite_pipeline.fleet.location import (
    Denied,
    Location,
    Missing,
    ReadOnly,
    TooLarge,
    Unreachable,
)
from tests.fake import s3


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers each request by the number in its path, `/403/name`; before that, by `busy`."""

    busy: ClassVar[list[int]] = []

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Answers."""
        content = b'{"error": {"message": "no"}}'
        asked = int(urlsplit(self.path).path.split("/")[1])
        self.send_response(self.busy.pop() if self.busy else asked)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_POST = do_PUT = do_GET  # the names are http.server's


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """The host and port of a server that answers as it is asked to."""
    pytest.importorskip("aiohttp", reason="the extra `cache` is not installed")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has no time is asked again at once."""
    monkeypatch.setattr(location, "_PAUSE", 0.0)


@pytest.mark.parametrize("form", ["path", "URI"])
def test_a_folder_is_read_and_written(tmp_path: Path, form: str) -> None:
    """A path and a file URL are the same place; a file is as large as what was put there."""
    place = Location(str(tmp_path / "a b") if form == "path" else (tmp_path / "a b").as_uri())
    assert not place.is_read_only
    assert place.size("x/y") is None
    place.write("x/y", b"1234")
    (tmp_path / "source").write_bytes(b"12345")
    place.upload("x/z", tmp_path / "source")
    other = Location(str(tmp_path / "a b"))
    assert (other.size("x/y"), other.size("x/z")) == (4, 5)
    assert other.read("x/y", 4) == b"1234"
    other.write("x/empty", b"")
    assert (other.read("x/empty", 0), other.size("x/empty")) == (b"", 0)


def test_a_file_is_read_to_its_limit(tmp_path: Path) -> None:
    """One byte more than asked for is too large, and as many are not."""
    place = Location(str(tmp_path))
    place.write("x", b"1234")
    assert place.read("x", 4) == b"1234"
    with pytest.raises(TooLarge):
        place.read("x", 3)


@pytest.mark.parametrize("kind", ["absent", "folder", "link", "pipe", "below a file"])
def test_what_is_no_file_is_missing(tmp_path: Path, kind: str) -> None:
    """Nothing but a regular file is read from a folder."""
    (tmp_path / "file").write_bytes(b"x")
    if kind == "folder":
        (tmp_path / "x").mkdir()
    elif kind == "link":
        (tmp_path / "x").symlink_to("file")
    elif kind == "pipe":
        os.mkfifo(tmp_path / "x")
    with pytest.raises(Missing):
        Location(str(tmp_path)).read("file/x" if kind == "below a file" else "x", 9)


def test_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    """A place below a file holds none, and is read only: it says why."""
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ReadOnly, match=r"file/below takes no files: NotADirectoryError"):
        Location(str(tmp_path / "file" / "below")).write("x", b"")


def every_way(place: Location) -> Iterator[Callable[[], object]]:
    """To read, to look and to write."""
    yield lambda: place.read("a", 1)
    yield lambda: place.size("a")
    yield lambda: place.write("a", b"")


USERS = ["someone:hidden", "someone", "s%6fmeone:hid%64en", "some%2Fone:hid%2fden", ":hidden"]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_no_message_shows_a_user(web: str, user: str, status: int) -> None:
    """Neither as the URL has it nor decoded, whatever the server answers."""
    place = Location(f"http://{user}@{web}/{status}")
    assert place.shown == f"http://{web}/{status}"
    with pytest.raises((Missing, Unreachable)) as told:
        place.read("x", 100)
    assert f"{web}/{status}" in str(told.value)
    for word in ("someone", "hidden", "s%6f", "hid%", "some/one", "hid/den", "some%2"):
        assert word not in str(told.value)


@pytest.mark.parametrize(
    ("status", "expected", "credentials"),
    [
        (200, None, False),
        (403, Missing, False),  # a store behind a web server says so of what is absent
        (404, Missing, False),
        (410, Missing, False),
        (401, Unreachable, True),
        (407, Unreachable, True),
        (429, Unreachable, False),
        (500, Unreachable, False),
        (503, Unreachable, False),
    ],
)
def test_what_a_web_server_answers(
    web: str, status: int, expected: type[Exception] | None, credentials: bool
) -> None:
    """`No such file` is an answer; a fault of the server is none, nor a user it does not know."""
    place = Location(f"http://{web}/{status}")
    if expected is None:
        assert place.read("x", 100).startswith(b"{")
        return
    with pytest.raises(expected) as told:
        place.read("x", 100)
    assert ("the credentials are wrong" in str(told.value)) == credentials
    if expected is Missing:
        assert place.size("x") is None
    else:
        with pytest.raises(Unreachable):
            place.size("x")


def test_a_web_server_that_has_no_time(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once more: a cache is not given up for one answer."""
    busy = [503, 503]  # HEAD, and GET after it
    monkeypatch.setattr(Answers, "busy", busy)
    assert Location(f"http://{web}/200").read("x", 100).startswith(b"{")
    assert not busy


def test_a_web_server_takes_nothing(web: str) -> None:
    """It is read only, by its protocol."""
    place = Location(f"http://{web}/200")
    assert place.is_read_only
    with pytest.raises(ReadOnly, match="can only be read"):
        place.write("x", b"")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://x/y", "there is no way to read nosuch://"),
        ("s3://bucket/x?versionId=hidden", "expected a URL without `?` and `#`"),
        ("https://host/x#hidden", "expected a URL without `?` and `#`"),
        ("s3://someone:hidden@bucket/x", "expected a URL without a user"),
        ("gs://someone@bucket/x", "expected a URL without a user"),
        ("s3:///x", "expected s3://NAME/PATH"),
        ("http:///x", "expected http://NAME/PATH"),
        ("file://host/x", "expected file:///PATH, without a host"),
        ("http://[x/", "host or the port"),
        ("http://host:port/x", "host or the port"),
        ("http://someone:hid/den@host/x", "host or the port"),
        ("http://someone:hid?den@host/x", "host or the port"),
        ("http://someone:hid#den@host/x", "host or the port"),
    ],
)
def test_a_wrong_url_is_a_wrong_call(url: str, message: str) -> None:
    """It says what is expected, and shows no part of a user or password."""
    with pytest.raises(CallError) as told:
        Location(url)
    assert message in str(told.value)
    assert not any(word in str(told.value) for word in ("hid", "someone", "den@"))


def test_a_protocol_that_connects_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody answers, it is a place that cannot be reached, as with any other protocol."""
    caplog.set_level(logging.DEBUG)
    place = Location("ftp://someone:hid%64en@127.0.0.1:9/x")
    for work in every_way(place):
        with pytest.raises(Unreachable, match=r"ftp://127\.0\.0\.1:9/x: ConnectionRefused"):
            work()
    assert "hidden" not in caplog.text


def test_a_chain_of_protocols_shows_no_user(tmp_path: Path) -> None:
    """A user behind a second `://` is hidden too."""
    place = Location("simplecache::ftp://someone:hidden@127.0.0.1:9/x")
    assert place.shown == "simplecache::ftp://127.0.0.1:9/x"
    with pytest.raises(Unreachable) as told:
        place.read("a", 1)
    assert "hidden" not in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("may", [{s3.READ, s3.WRITE}, {s3.READ, s3.WRITE, s3.LIST}])
def test_s3_without_the_right_to_list(bucket: s3.Bucket, may: set[str]) -> None:
    """What is absent is missing for either user; what was put there is read."""
    bucket.may = frozenset(may)
    place = Location("s3://bucket/x")
    with pytest.raises(Missing) as told:
        place.read("a", 9)
    assert isinstance(told.value, Denied) == (s3.LIST not in may)
    assert place.size("a") is None
    place.write("a", b"12")
    assert (place.size("a"), place.read("a", 9)) == (2, b"12")


class Appearing(dict[str, bytes]):
    """Objects that somebody stores just after they were asked for the first time."""

    asked = False

    def __contains__(self, path: object) -> bool:
        """Whether it is there."""
        before, self.asked = self.asked, True
        return before and super().__contains__(path)


def test_an_object_that_appears_while_it_is_asked_for(bucket: s3.Bucket) -> None:
    """A refusal that has passed when its reason is asked for is none."""
    bucket.may = frozenset({s3.READ, s3.WRITE})
    bucket.objects = Appearing({"/bucket/x/a": b"12"})
    assert Location("s3://bucket/x").read("a", 9) == b"12"


def test_s3_without_the_right_to_write(bucket: s3.Bucket) -> None:
    """It says so, and what is there is read."""
    bucket.objects["/bucket/x/a"] = b"12"
    bucket.may = frozenset({s3.READ})
    place = Location("s3://bucket/x")
    with pytest.raises(ReadOnly, match=r"takes no files: .*the credentials do not allow it"):
        place.write("b", b"")
    assert place.read("a", 9) == b"12"


def test_s3_does_not_know_who_asks(bucket: s3.Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is wrong is no answer about a file: it is told with its reason."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stranger")
    place = Location("s3://bucket/x")
    said = r"s3://bucket/x: .*InvalidAccessKeyId.*; the credentials are wrong"
    for work in every_way(place):
        with pytest.raises(Unreachable, match=said):
            work()
    assert not bucket.objects


def test_google_refuses_what_is_absent(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 403 of Google's store means the same as that of S3."""
    pytest.importorskip("gcsfs", reason="the extra `cache` is not installed")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{web}/403")
    place = Location("gs://bucket/x")
    with pytest.raises(Denied, match="the credentials do not allow it"):
        place.read("a", 1)
    with pytest.raises(ReadOnly, match="takes no files"):
        place.write("a", b"")
