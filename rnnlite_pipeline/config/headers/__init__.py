"""What a source file says of itself, read without TensorFlow and without NumPy: one file a format.

Each module has `read(path, source) -> Interface | None`: the model's inputs and outputs, as far as
the file says them cheaply. It raises `WrongSource` if the file is damaged, or is of another format
than the config says. Nothing of a file is run, and no more of it is read than its size allows.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rnnlite_pipeline.config.headers.interface import Interface, WrongSource
from rnnlite_pipeline.config.headers.kinds import check_kind

if TYPE_CHECKING:
    from rnnlite_pipeline.config.model import Config

#: The formats whose files are read here; only JAX reads a serialized JAX function.
_READ = ("keras", "h5", "saved_model", "graph_def", "tflite")


def read_header(config: Config) -> Interface | None:
    """What the source of a config says of itself; None where that is nothing.

    Args:
        config: The config; the path of its source is there and can be read.

    Raises:
        WrongSource: The file is of another format, is damaged, or has no such signature.
        OSError: The file cannot be read.
    """
    source = config.source
    if not source.path:
        return None
    path = config.resolve(source.path)
    is_architecture = check_kind(path, source)
    if source.weights:
        from rnnlite_pipeline.config.headers.h5 import check_whole

        check_whole(config.resolve(source.weights), ("source", "weights"))
    if is_architecture or source.format not in _READ:
        return None
    module = importlib.import_module(f"{__name__}.{source.format}")
    found: Interface | None = module.read(path, source)
    return found


__all__ = ["Interface", "WrongSource", "read_header"]
