"""Runs a .tflite on LiteRT.js, in headless Chromium.

The page takes the inputs of each call from a server on this machine and sends the outputs back;
there is no other connection. What is needed: Chromium (Debian: `apt-get install chromium`), and
the package of npm, put where it is found by the command that `install` gives.
"""

from __future__ import annotations

import base64
import os
import queue
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import user_cache
from rnnlite_pipeline.graph.ir import NUMPY
from rnnlite_pipeline.runtimes.web.server import Server

#: The release that this was made with.
RELEASE = "2.5.3"

#: How long the browser may take to load the model, or to run it once, in seconds.
SECONDS = 120.0

#: The names of Chromium and of browsers made of it.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Without them Chromium looks for its own servers.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

#: The browser is on a leash: it ends when this process closes its input, or dies.
_LEASH = '"$0" "$@" </dev/null & read -r _; kill $!; wait $!'


def modules() -> Path:
    """The folder node_modules with @litertjs/core: `RNNLITE_LITERTJS`, else in the user's cache."""
    chosen = os.environ.get("RNNLITE_LITERTJS")
    return Path(chosen) if chosen else user_cache() / "litertjs" / "node_modules"


def install() -> str:
    """The command that installs the package where `modules` finds it."""
    return f"npm install --prefix {modules().parent} @litertjs/core@{RELEASE}"


def browser() -> str | None:
    """The browser's program: `CHROMIUM`, else the first that is found; None where there is none."""
    names = (os.environ.get("CHROMIUM"), *_BROWSERS)
    return next((path for name in names if name and (path := shutil.which(name))), None)


def missing() -> str:
    """What is not installed, and the command that installs it; empty where all is there."""
    if browser() is None:
        return "Chromium is not installed: apt-get install chromium, or set CHROMIUM to its path"
    if not (modules() / "@litertjs" / "core" / "package.json").is_file():
        return f"LiteRT.js is not installed: {install()}"
    return ""


class WebRunner:
    """A model on LiteRT.js (wasm), kept between calls. It ends with `close`.

    Args:
        content: The .tflite file.
        pages: A folder with a `run.mjs` that takes this one's place, to test other scripts.

    Attributes:
        kernels: "litert-web".
        note: Empty; nothing is replaced.
        profile: The browser's own folder; it goes with `close`.

    Raises:
        StageError: The browser or the package is missing, or LiteRT.js does not load the model.
    """

    kernels = "litert-web"
    note = ""

    def __init__(self, content: bytes, pages: Path | None = None) -> None:
        if reason := missing():
            said = f"litert-web cannot be run here. {reason}."
            raise StageError(said, key=("targets", "litert-web"))
        self._server = Server(content, modules(), *([pages] if pages else []))
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.profile = self._folder.name
        program = browser()
        assert program is not None
        self._process = subprocess.Popen(
            [
                *("/bin/sh", "-c", _LEASH, program),
                *(*_FLAGS, f"--user-data-dir={self.profile}", self._server.address),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._answer("load")

    def load(self, content: bytes) -> None:
        """Puts another model in the place of this one, in the same browser.

        Raises:
            StageError: LiteRT.js does not load it.
        """
        self._server.load(content)
        self._answer("load")

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model once.

        Args:
            inputs: One float32, int32 or uint8 array for each input.

        Returns:
            The outputs by name.

        Raises:
            StageError: The runtime fails, or the browser does not answer.
        """
        self._server.give({name: _encoded(array) for name, array in inputs.items()})
        results = self._answer("run")["results"]
        return {name: _decoded(result) for name, result in results.items()}

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values.

        Raises:
            StageError: The model has no signature `reset`.
        """
        self._server.reset()
        self._answer("reset")

    def close(self) -> None:
        """Ends the browser and the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._server.close()
        self._folder.cleanup()

    def _answer(self, what: str) -> dict[str, Any]:
        try:
            answer = self._server.answer(SECONDS)
        except queue.Empty:
            self.close()
            raise StageError(
                f"The browser did not {what} the model within {SECONDS:.0f} seconds."
            ) from None
        if "error" in answer:
            self.close()
            raise StageError(
                f"LiteRT.js cannot {what} the model: {answer['error']}",
                "Leave litert-web out of targets, or see `rnnlite targets` for what it takes.",
            )
        return answer


def _decoded(result: Mapping[str, Any]) -> NDArray[Any]:
    array = np.frombuffer(base64.b64decode(result["data"]), NUMPY[result["dtype"].upper()])
    return array.reshape(result["shape"])


def _encoded(array: NDArray[Any]) -> dict[str, Any]:
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }
