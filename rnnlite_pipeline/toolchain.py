"""All that computes: its versions, and its modules in an environment that is always the same."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from rnnlite_pipeline import preloaded
from rnnlite_pipeline.errors import StageError

#: The distributions whose versions change what comes out, whatever the source is.
DISTRIBUTIONS = (
    "ai-edge-litert",
    "flatbuffers",
    "keras",
    "numpy",
    "pyyaml",
    "tensorflow",
    "tf-keras",
)

#: Those that change it as well where the source is of a format.
OF_FORMAT = {"jax": ("jax", "jaxlib")}

#: What runs the models of a runtime here, of those that are optional.
OF_RUNTIME = {"tflm": "tflite-micro"}

#: The releases whose insides were tested: no promise covers `tensorflow.python` and `keras.src`,
#: and sources/ reads and, for a moment, replaces functions there. pyproject.toml has these bounds.
TESTED = {"tensorflow": "2.21", "keras": "3.15"}

#: What the modules of an inside are called.
_INSIDE = ("tensorflow.python.", "keras.src.")

#: Why each one: with a GPU visible Keras 3 traces CudnnRNNV3 instead of a loop; one thread and no
#: oneDNN make the order of sums, and so the last bit, independent of the machine's load.
_SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
}


def versions(*formats: str) -> Mapping[str, str | None]:
    """The installed version of each distribution that computes; None where one is not installed.

    Args:
        formats: Of the sources.
    """
    names = [*DISTRIBUTIONS, *(name for each in formats for name in OF_FORMAT.get(each, ()))]
    return {name: version(name) for name in names}


def version(distribution: str) -> str | None:
    """The installed version; None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def prepare() -> None:
    """Sets the environment; before TensorFlow is imported in this process."""
    os.environ.update(_SETTINGS)


def load(module: str) -> Any:
    """Imports `tensorflow`, `keras` or a module of theirs, on the CPU and deterministically.

    Must run before anything else imports TensorFlow in this process.

    Raises:
        StageError: It is a module of an inside, and of another release than was tested.
    """
    prepare()
    if module.startswith(_INSIDE):
        _check_release(module)
    preloaded.asked_for(module)
    return importlib.import_module(module)


def _check_release(module: str) -> None:
    package = module.split(".", maxsplit=1)[0]
    tested, here = TESTED[package], version(package)
    if here is None or here.split(".")[:2] != tested.split("."):
        raise StageError(
            f"{module} is an inside of {package}, of which rnnlite was tested with {tested} only;"
            f" {here or 'no release'} is installed.",
            f"Install {package} {tested}: pip install '{package}=={tested}.*'",
        )
