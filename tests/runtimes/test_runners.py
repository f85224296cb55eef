"""Which runtimes run models on this machine, and what is said where one does not."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, runners
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.runners import RUNNERS, Opener, open_runner
from tests.runtimes.models import dense


def test_what_is_run_has_a_runner() -> None:
    """A runtime is held to by running exactly where this project can run it."""
    assert {name for name, runtime in RUNTIMES.items() if runtime.held == "run"} == set(RUNNERS)


def test_the_interpreter_is_always_there() -> None:
    """It comes with this package, and loads the model that it is given."""
    runner = open_runner("litert", write_model(dense()))
    assert isinstance(runner, Runner)
    assert list(runner.inputs) == ["x"]


def test_a_runtime_that_is_not_run_here_is_an_error() -> None:
    """The error says where one can read how models are held to it."""
    with pytest.raises(StageError, match=r"not run on qualcomm here; `rnnlite targets`"):
        open_runner("qualcomm", b"")


def test_what_is_missing_is_said_and_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the command that installs it."""

    def opened(_: bytes) -> Any:
        raise AssertionError

    monkeypatch.setitem(RUNNERS, "tflm", Opener(lambda: "Get it: pip", opened))
    with pytest.raises(StageError, match=r"cannot be run on tflm here. Get it: pip\."):
        open_runner("tflm", b"")


def test_a_missing_wheel_of_tflm_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the package that would be imported."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install --pre 'rnnlite[tflm]'" in RUNNERS["tflm"].missing()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "tflite_micro")
    assert RUNNERS["tflm"].missing() == ""
    assert runners._nothing() == ""
