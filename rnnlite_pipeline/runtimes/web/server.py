"""The server that the page of LiteRT.js talks to: it gives the page, the model and the inputs."""

from __future__ import annotations

import contextlib
import functools
import json
import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
}

#: How long the page waits for a call before it asks again, in seconds.
_WAIT = 5.0

#: How often the server looks whether it is to stop, in seconds.
_POLL = 0.05


class Server:
    """Listens on a free port of this machine only, until `close`.

    Args:
        model: The .tflite file.
        modules: The folder node_modules.
        pages: A folder with other scripts: `run.mjs`, and what it imports.

    Attributes:
        address: The page's address.
    """

    def __init__(self, model: bytes, modules: Path, pages: Path = _HERE) -> None:
        self._calls: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        files = functools.partial(file_of, modules=modules.resolve(), pages=pages.resolve())
        self._models = [model]
        handler = _handler(self._models, files, self._calls, self._answers)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/page.html"

    def give(self, inputs: dict[str, Any]) -> None:
        """The page is to run the model on these inputs."""
        self._calls.put({"inputs": inputs})

    def reset(self) -> None:
        """The page is to run the signature `reset`."""
        self._calls.put({"reset": True})

    def load(self, model: bytes) -> None:
        """The page is to load another .tflite file in the place of the one it has."""
        self._models[0] = model
        self._calls.put({"load": True})

    def answer(self, seconds: float) -> dict[str, Any]:
        """What the page answers next.

        Raises:
            queue.Empty: It did not answer in time.
        """
        return self._answers.get(timeout=seconds)

    def close(self) -> None:
        """Tells the page to end, and stops."""
        self._calls.put({"end": True})
        self._server.shutdown()
        self._server.server_close()


def _handler(
    models: list[bytes],
    files: Callable[[str], Path | None],
    calls: queue.Queue[dict[str, Any]],
    answers: queue.Queue[dict[str, Any]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/model.tflite":
                self._give(models[0], "application/octet-stream")
            elif path == "/next":
                self._give(json.dumps(self._next()).encode(), "application/json")
            elif (file := files(path)) is not None:
                self._give(file.read_bytes(), _TYPES.get(file.suffix, "text/plain"))
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers.put(json.loads(body))
            self._give(b"", "text/plain")

        def _next(self) -> dict[str, Any]:
            try:
                return calls.get(timeout=_WAIT)
            except queue.Empty:
                return {"wait": True}

        def _give(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            with contextlib.suppress(ConnectionError):  # the browser was ended meanwhile
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Requests are not logged."""

    return Handler


def file_of(path: str, modules: Path, pages: Path = _HERE) -> Path | None:
    """The file that the page may have: page.html, the scripts beside, and those of the packages."""
    if path == "/page.html":
        return _HERE / "page.html"
    beside = pages / path[1:]
    if beside.suffix == ".mjs" and beside.parent == pages and beside.is_file():
        return beside
    if not path.startswith("/modules/"):
        return None
    file = (modules / path.removeprefix("/modules/")).resolve()
    return file if file.is_relative_to(modules) and file.is_file() else None
