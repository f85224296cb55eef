"""Which runtimes can run a model on this machine, and how one is opened."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError


class ModelRunner(Protocol):
    """A model that a runtime has loaded, kept between calls."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model once: one array for each input, one back for each output."""

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values."""


@dataclass(frozen=True)
class Opener:
    """How a runtime runs models here.

    Attributes:
        missing: What is not installed, and the command that installs it; empty where all is.
        open: Loads a .tflite file.
    """

    missing: Callable[[], str]
    open: Callable[[bytes], ModelRunner]


def open_runner(target: str, content: bytes) -> ModelRunner:
    """Loads a model on the runtime of a target.

    Args:
        target: A target that is held to by running: see `RUNNERS`.
        content: The .tflite file.

    Raises:
        StageError: The runtime is not run here, is not installed, or does not load the model.
    """
    opener = RUNNERS.get(target)
    if opener is None:
        raise StageError(
            f"Models are not run on {target} here; `rnnlite targets` says how they are held to it.",
            key=("targets", target),
        )
    if reason := opener.missing():
        said = f"A model cannot be run on {target} here. {reason}."
        raise StageError(said, key=("targets", target))
    return opener.open(content)


def _nothing() -> str:
    return ""  # ai-edge-litert is installed with this package


def _no_tflm() -> str:
    if importlib.util.find_spec("tflite_micro") is None:
        return "tflite-micro is not installed: pip install --pre 'rnnlite[tflm]'"
    return ""


def _no_web() -> str:
    from rnnlite_pipeline.runtimes.web import missing

    return missing()


def _litert(content: bytes) -> ModelRunner:
    from rnnlite_pipeline.runtimes.interpreter import Runner

    return Runner(content)


def _compiled(content: bytes) -> ModelRunner:
    from rnnlite_pipeline.runtimes.compiled_runner import CompiledRunner

    return CompiledRunner(content)


def _web(content: bytes) -> ModelRunner:
    from rnnlite_pipeline.runtimes.web import WebRunner

    return WebRunner(content)


def _micro(content: bytes) -> ModelRunner:
    from rnnlite_pipeline.runtimes.micro import MicroRunner

    return MicroRunner(content)


#: How each runtime that is held to by running is opened.
RUNNERS: dict[str, Opener] = {
    "litert": Opener(_nothing, _litert),
    "litert-compiled": Opener(_nothing, _compiled),
    "litert-web": Opener(_no_web, _web),
    "tflm": Opener(_no_tflm, _micro),
}
