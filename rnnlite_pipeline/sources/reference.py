"""The user's own code: what `module:function` in a config names, and what it returns."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from rnnlite_pipeline import preloaded
from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.sources.model import first_line


def built(factory: str, expected: str) -> Any:
    """What the function that `source.factory` names returns.

    Args:
        factory: As module:function; it takes no arguments.
        expected: What it should return, for the error: "a keras.Model".

    Raises:
        SourceError: It cannot be imported, or it raises.
    """
    function = attribute(factory, "source.factory")
    try:
        return function()
    except RnnliteError:
        raise
    except Exception as error:  # the user's own code
        raise SourceError(
            f"source.factory {factory} raised {type(error).__name__}: {first_line(error)}",
            f"Call it in Python, without arguments, until it returns {expected}.",
        ) from error


def attribute(target: str, key: str) -> Any:
    """The object that `module:attribute` names.

    Args:
        target: As module:attribute.
        key: The config's key that names it, for the error.

    Raises:
        SourceError: There is no such module or attribute, or importing it fails.
    """
    preloaded.before_tensorflow()
    module, _, path = target.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
    except Exception as error:  # whatever the module raises on import
        raise SourceError(
            f"{key}: cannot import {target}: {first_line(error)}",
            "Expected module:attribute; the module is beside the config, in the folder the command "
            "runs in, or installed.",
            tuple(key.split(".", 2)),
        ) from error
    return value


class importable:
    """While open, modules beside the config and in the working folder can be imported."""

    def __init__(self, folder: Path) -> None:
        self.folders = [folder.resolve(), Path.cwd()]

    def __enter__(self) -> None:
        self.before = list(sys.path)
        preloaded.importable(self.folders)
        sys.path[:0] = map(str, self.folders)

    def __exit__(self, *_: object) -> None:
        sys.path[:] = self.before
