"""LiteRT.js in headless Chromium: the same numbers, and the same refusals as its table."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, web
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.runners import open_runner
from rnnlite_pipeline.runtimes.web.server import file_of
from tests.runtimes.models import a_gru, an_lstm, counter, in_integers, lowered, sample


def in_browser(test: Any) -> Any:
    """Marks a test that needs the browser and the package of npm."""
    reason = web.missing()
    return pytest.mark.web(pytest.mark.skipif(bool(reason), reason=reason or "installed")(test))


#: In float, wasm adds products in another order. In integers it has LiteRT's portable kernels:
#: the numbers of the reference kernels, to the last bit.
HELD_TO: dict[str, tuple[Kernels, float]] = {
    "none": ("default", 1e-6),
    "int8": ("reference", 0.0),
}


@in_browser
@pytest.mark.parametrize("scheme", HELD_TO)
@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_loops_give_the_interpreters_numbers(cell: str, scheme: str) -> None:
    """A closed loop runs in the browser, three calls in a row."""
    model = lowered(a_gru() if cell == "GRU" else an_lstm(), "loop", outputs="all")
    model = model if scheme == "none" else in_integers(model)
    assert RUNTIMES["litert-web"].judge(model).takes
    content = write_model(model)
    kernels, tolerance = HELD_TO[scheme]
    runner, interpreter = web.WebRunner(content), Runner(content, kernels)
    for seed in range(3):
        given = sample(model, seed)
        got, want = runner.run(given), interpreter.run(given)
        assert got.keys() == want.keys()
        for name, array in want.items():
            np.testing.assert_allclose(got[name], array, atol=tolerance, rtol=0)
    runner.close()


@in_browser
def test_states_are_kept_and_reset() -> None:
    """A resource variable keeps its value between calls; the signature `reset` sets it back."""
    runner = web.WebRunner(write_model(counter()))
    given = {"x": np.ones((1, 4), np.float32)}
    assert [runner.run(given)["s"][0, 0] for _ in range(3)] == [1, 2, 3]
    runner.reset()
    assert runner.run(given)["s"][0, 0] == 1
    runner.close()


@in_browser
def test_the_browser_ends_with_the_process_that_started_it() -> None:
    """A killed run leaves no browser behind."""
    script = (
        "import os\n"
        "from rnnlite_pipeline.graph.write import write_model\n"
        "from tests.runtimes.models import counter\n"
        "from rnnlite_pipeline.runtimes.web import WebRunner\n"
        "runner = WebRunner(write_model(counter()))\n"
        "print(runner.profile, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    profile = ended.stdout.strip()
    assert profile, ended.stderr
    for _ in range(100):
        if not running_with(profile):
            break
        time.sleep(0.1)
    assert not running_with(profile)
    shutil.rmtree(profile, ignore_errors=True)


def running_with(word: str) -> list[str]:
    """The processes that have a word among their arguments."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in file.read_bytes():
                found.append(file.parent.name)
    return found


REFUSED: dict[str, tuple[Model, str]] = {
    "fused": (lowered(an_lstm(), "fused"), "Failed to load model"),
    "open batch": (lowered(a_gru(), "loop", open_batch=True), "does not match"),
    "int8 inputs": (
        in_integers(lowered(a_gru(), "loop"), "int8", "int8"),
        "Element type INT8 is not supported",
    ),
}


@in_browser
@pytest.mark.parametrize("what", REFUSED)
def test_what_the_table_refuses_does_not_run(what: str) -> None:
    """Fused ops, open dimensions and int8 inputs: the browser refuses what the table refuses."""
    model, message = REFUSED[what]
    assert not RUNTIMES["litert-web"].judge(model).takes
    with pytest.raises(StageError, match=message):
        web.WebRunner(write_model(model)).run(sample(model, 0, (1,)))


def test_what_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of npm, and without a browser, the error says what to install."""
    monkeypatch.setenv("CHROMIUM", "true")
    monkeypatch.setenv("RNNLITE_LITERTJS", "/nowhere/node_modules")
    with pytest.raises(StageError, match=r"npm install --prefix /nowhere @litertjs/core@"):
        open_runner("litert-web", b"")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(StageError, match="apt-get install chromium"):
        open_runner("litert-web", b"")


def test_the_page_can_read_nothing_else() -> None:
    """The server gives its page, the model and files of the packages; no other file."""
    modules = web.modules()
    assert file_of("/page.html", modules) is not None
    for path in ("/server.py", "/modules/../../../../etc/passwd", "/etc/passwd", "/modules/"):
        assert file_of(path, modules) is None, path


@in_browser
def test_one_browser_runs_one_model_after_the_other() -> None:
    """A loaded model takes the place of the one before."""
    first, second = (lowered(cell, "loop") for cell in (a_gru(), an_lstm()))
    runner = web.WebRunner(write_model(first))
    for model in (first, second, first):
        runner.load(write_model(model))
        given = sample(model, 0)
        for name, array in Runner(write_model(model)).run(given).items():
            np.testing.assert_allclose(runner.run(given)[name], array, atol=1e-6, rtol=0)
    runner.close()
