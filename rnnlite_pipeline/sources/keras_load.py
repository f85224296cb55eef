"""Loading files of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.environment import load
from rnnlite_pipeline.sources.keras_archive import Archive
from rnnlite_pipeline.sources.model import first_line


def load_keras(path: Path, archive: Archive, custom: Mapping[str, Any], allow_lambda: bool) -> Any:
    """The keras.Model of a file whose Lambdas and custom classes are dealt with.

    Args:
        path: A `.keras` or H5 file.
        archive: What the file says of itself.
        custom: Classes and functions by the name they are registered under.
        allow_lambda: Whether code in the file may run.

    Raises:
        SourceError: Keras cannot load it.
    """
    try:
        return load("keras").saving.load_model(
            path, custom_objects=dict(custom), compile=False, safe_mode=not allow_lambda
        )
    except Exception as error:  # whatever a damaged file or a custom class raises
        raise _not_loaded(path, archive, error) from error


def _not_loaded(path: Path, archive: Archive, error: Exception) -> SourceError:
    here = load("keras").__version__
    reason = first_line(error)
    print(error, flush=True)
    if _release(archive.keras_version) > _release(here):
        return SourceError(
            f"{path.name} was written by Keras {archive.keras_version}; this is Keras {here}, "
            f"which cannot load it: {reason}",
            f"Install keras>={archive.keras_version}, or save the model with an older Keras.",
        )
    return SourceError(
        f"Keras {here} cannot load {path.name}: {reason}",
        "Check that keras.saving.load_model loads it, and that source.custom_objects names every "
        "class and function that is not part of Keras.",
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
