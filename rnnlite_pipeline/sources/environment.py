"""The one place that imports TensorFlow's modules, in an environment that is always the same."""

from __future__ import annotations

import importlib
import os
from typing import Any

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


def prepare() -> None:
    """Sets the environment; before TensorFlow is imported in this process."""
    os.environ.update(_SETTINGS)


def load(module: str) -> Any:
    """Imports `tensorflow`, `keras` or a module of theirs, on the CPU and deterministically.

    Must run before anything else imports TensorFlow in this process.
    """
    prepare()
    return importlib.import_module(module)
