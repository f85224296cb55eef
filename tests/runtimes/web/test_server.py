"""The server that the page of LiteRT.js talks to, asked as the page asks."""

from __future__ import annotations

import json
import queue
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlite_pipeline.runtimes.web import server
from rnnlite_pipeline.runtimes.web.server import Server, file_of


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder of packages with one script and one wasm file, and a file beside it."""
    core = tmp_path / "node_modules" / "core"
    core.mkdir(parents=True)
    (core / "index.js").write_text("script")
    (core / "m.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.js").write_text("secret")
    return tmp_path / "node_modules"


@pytest.fixture
def served(modules: Path) -> Iterator[Server]:
    """A server with a model that nobody reads as one."""
    made = Server(b"model", modules)
    yield made
    made.close()


def got(served: Server, path: str, body: bytes | None = None) -> tuple[bytes, str]:
    """What the server gives, and its type."""
    address = served.address.rpartition("/")[0] + path
    with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=10) as answer:
        return answer.read(), answer.headers["Content-Type"]


def test_the_page_its_scripts_and_its_packages(served: Server) -> None:
    """Each with the type that a browser needs; a query behind the path does not matter."""
    page, kind = got(served, "/page.html")
    assert b"<script" in page
    assert kind == "text/html; charset=utf-8"
    assert got(served, "/run.mjs?again")[1] == "text/javascript"
    assert got(served, "/modules/core/index.js") == (b"script", "text/javascript")
    assert got(served, "/modules/core/m.wasm") == (b"\0asm", "application/wasm")
    for path in ("/nothing", "/modules/core/none.js", "/server.py"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            got(served, path)


def test_calls_are_given_in_order(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs, a reset and another model, one for each time the page asks; then it waits."""
    assert got(served, "/model.tflite") == (b"model", "application/octet-stream")
    served.give({"x": 1})
    served.reset()
    served.load(b"other")
    calls = [json.loads(got(served, "/next")[0]) for _ in range(3)]
    assert calls == [{"inputs": {"x": 1}}, {"reset": True}, {"load": True}]
    assert got(served, "/model.tflite")[0] == b"other"
    monkeypatch.setattr(server, "_WAIT", 0.01)
    assert json.loads(got(served, "/next")[0]) == {"wait": True}


def test_answers_come_back(served: Server) -> None:
    """What the page posts is the next answer; where it posts nothing, the wait ends."""
    got(served, "/answer", json.dumps({"results": {"y": 2}}).encode())
    assert served.answer(1.0) == {"results": {"y": 2}}
    with pytest.raises(queue.Empty):
        served.answer(0.01)


def test_no_other_file_is_given(modules: Path, tmp_path: Path) -> None:
    """Not one above the packages, also by a link; scripts of another folder take the place."""
    (modules / "link.js").symlink_to(tmp_path / "secret.js")
    for path in ("/modules/../secret.js", "/modules/link.js", "/modules/core", "/secret.js"):
        assert file_of(path, modules) is None, path
    pages = tmp_path / "pages"
    (pages / "deep").mkdir(parents=True)
    for name in ("run.mjs", "deep/run.mjs", "run.txt"):
        (pages / name).write_text("")
    assert file_of("/run.mjs", modules, pages) == pages / "run.mjs"
    assert file_of("/deep/run.mjs", modules, pages) is None
    assert file_of("/run.txt", modules, pages) is None
