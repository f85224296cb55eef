"""Loading files of Keras: those of Keras 3 by it, those of Keras 2 and tf-keras by tf-keras."""

from __future__ import annotations

import base64
import contextlib
import json
import marshal
import shutil
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.keras_archive import Archive, lambda_codes
from rnnlite_pipeline.sources.formats.keras_layout import with_layers
from rnnlite_pipeline.sources.formats.keras_old import modern
from rnnlite_pipeline.sources.model import first_line
from rnnlite_pipeline.toolchain import load


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
    if archive.weights is not None:
        scope = load(f"{keras.__name__}.src.saving.serialization_lib").SafeModeScope
        with scope(safe_mode=not allow_lambda):
            return _assembled(path, archive, keras, custom)
    takes = path.suffix == ".keras" or not archive.is_legacy  # tf-keras has no safe mode for H5
    options = {"safe_mode": not allow_lambda} if takes else {}
    renamed = with_layers(path) if archive.is_legacy else contextlib.nullcontext(path)
    try:
        with renamed as file:
            return keras.models.load_model(
                file, custom_objects=dict(custom), compile=False, **options
            )
    except Exception as error:  # whatever a damaged file or a custom class raises
        print(error, flush=True)
        raise _not_loaded(path, archive, keras, first_line(error)) from error


def _assembled(path: Path, archive: Archive, keras: Any, custom: Mapping[str, Any]) -> Any:
    """The model of an architecture, with its weights loaded.

    Raises:
        SourceError: Keras cannot build it, or its weights are those of another one.
    """
    architecture = (
        modern(archive.architecture, custom) if archive.is_legacy else archive.architecture
    )
    _check_lambdas(path, archive)
    try:
        model = keras.models.model_from_json(json.dumps(architecture), custom_objects=dict(custom))
    except Exception as error:  # whatever a damaged file or a custom class raises
        print(error, flush=True)
        raise _not_loaded(path, archive, keras, first_line(error)) from error
    try:
        with _loadable(archive) as weights:
            model.load_weights(str(weights))
    except Exception as error:  # whatever weights of another shape raise
        print(error, flush=True)
        raise SourceError(
            f"The weights of {Path(str(archive.weights)).name} do not fit the model of "
            f"{path.name}: {first_line(error)}",
            "Name the weights that were saved from this model; its layers must have the same "
            "order.",
            ("source", "weights"),
        ) from error
    return model


@contextlib.contextmanager
def _loadable(archive: Archive) -> Iterator[Path]:
    """The H5 file of the weights; a copy that says version 1 where it says 1.2.2.

    tf-keras rearranges what Keras 1 stored where the version is "1", which files that do not say it
    count as (hdf5_format.py, load_weights_from_hdf5_group), and not where it is named in full.
    """
    assert archive.weights is not None, "asked for where there are some"
    if not archive.keras_version.startswith("1."):
        yield archive.weights
        return
    h5py = load("h5py")
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copyfile(archive.weights, Path(folder) / "weights.h5"))
        with h5py.File(copied, "a") as file:
            group = file.get("model_weights", file)
            group.attrs["keras_version"] = b"1"
        yield copied


def _check_lambdas(path: Path, archive: Archive) -> None:
    """Reads the code of Lambdas as Keras will: that of another Python cannot be read.

    Raises:
        SourceError: One is not of this Python.
    """
    for name, text in lambda_codes(archive):
        try:
            code = marshal.loads(base64.b64decode(text.encode("ascii")))  # allowed
        except (ValueError, TypeError, EOFError):
            code = None
        if not isinstance(code, types.CodeType):
            here = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SourceError(
                f'{path.name} has the Lambda "{name}". Its code was compiled by another version of '
                f"Python than this one ({here}), so it cannot run here.",
                "Build the model in code, with the Lambda's function written out, and load the "
                "weights: source.factory of format keras; or save it again from the Python that "
                "made it, with a layer of Keras in place of the Lambda.",
            )


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
