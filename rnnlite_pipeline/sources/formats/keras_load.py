"""Loading files of Keras: those of Keras 3 by it, those of Keras 2 and tf-keras by tf-keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.environment import load
from rnnlite_pipeline.sources.formats.keras_archive import Archive
from rnnlite_pipeline.sources.model import first_line


def load_model(path: Path, archive: Archive, custom: Mapping[str, Any], allow_lambda: bool) -> Any:
    """The model of a file whose Lambdas and custom classes are dealt with.

    Args:
        path: A `.keras` or H5 file.
        archive: What the file says of itself, above all which Keras is to load it.
        custom: Classes and functions by the name they are registered under.
        allow_lambda: Whether code in the file may run.

    Raises:
        SourceError: That Keras cannot load it.
    """
    keras = load("tf_keras" if archive.is_legacy else "keras")
    takes = path.suffix == ".keras" or not archive.is_legacy  # tf-keras has no safe mode for H5
    options = {"safe_mode": not allow_lambda} if takes else {}
    try:
        return keras.models.load_model(path, custom_objects=dict(custom), compile=False, **options)
    except Exception as error:  # whatever a damaged file or a custom class raises
        print(error, flush=True)
        raise _not_loaded(path, archive, keras, first_line(error)) from error


def _not_loaded(path: Path, archive: Archive, keras: Any, reason: str) -> SourceError:
    written, name = archive.keras_version, "tf-keras" if archive.is_legacy else "Keras"
    here = f"{name} {keras.__version__}"
    if not archive.is_legacy and _release(written) > _release(keras.__version__):
        return SourceError(
            f"{path.name} was written by Keras {written}; this is {here}, "
            f"which cannot load it: {reason}",
            f"Install keras>={written}, or save the model with an older Keras.",
        )
    origin = f", which Keras {written} wrote" if archive.is_legacy else ""
    return SourceError(
        f"{here} cannot load {path.name}{origin}: {reason}",
        f"Check that {keras.__name__}.models.load_model loads it, and that source.custom_objects "
        "names every class and function that is not part of Keras.",
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
