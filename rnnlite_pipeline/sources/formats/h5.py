"""H5 files that hold a whole model: of Keras 2 and tf-keras, and those that Keras 3 still writes.

Before anything is loaded, the file is read with plain h5py: no link to another file, no weights
beyond what a LiteRT model can hold, no Lambda that the config does not allow.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.architecture import parsed
from rnnlite_pipeline.sources.formats.keras_archive import Archive, describe_objects
from rnnlite_pipeline.toolchain import load

#: A flatbuffer's largest size: more weights than that no .tflite file can hold.
LARGEST = 2**31

_MAGIC = b"\x89HDF\r\n\x1a\n"

_SAVE = 'Save the whole model again, model.save("model.h5"), and copy the whole file.'


def is_h5(path: Path) -> bool:
    """Whether a file begins as an H5 file does, or is called one."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC or path.suffix in (".h5", ".hdf5")
    except OSError:
        return path.suffix in (".h5", ".hdf5")


def read_h5(path: Path) -> Archive:
    """Checks an H5 file, and reads what loading it will need.

    Raises:
        SourceError: It is not there, not whole, not a model, or reaches outside itself.
    """
    attributes = _attributes(path)
    config, version = attributes.get("model_config"), attributes.get("keras_version")
    if config is None:
        raise SourceError(
            f"{path} holds weights only, without the model they belong to.",
            "Name the architecture that model.to_json() wrote as source.path, and this file as "
            'source.weights; or save the whole model, model.save("model.h5"); or use a factory of '
            "format keras that builds the model and loads the weights.",
        )
    try:
        archive = describe_objects(_text(version or "1"), json.loads(_text(config)))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is damaged: its config cannot be read.", _SAVE) from error
    return dataclasses.replace(archive, weights=path) if archive.is_legacy else archive


def read_architecture(path: Path, weights: Path | None) -> Archive:
    """Checks an architecture as JSON or YAML, and the H5 file of its weights.

    Raises:
        SourceError: One of them is not there, or is not what it should be.
    """
    try:
        architecture = parsed(path)
        version = str(
            architecture.get("keras_version") or ("3" if "module" in architecture else "1")
        )
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {os.strerror(error.errno or 0)}.", "Check source.path."
        ) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"{path} is not a Keras architecture as JSON or YAML.",
            "Expected a file that model.to_json() or model.to_yaml() wrote.",
        ) from error
    if "class_name" not in architecture:
        raise SourceError(
            f"{path} is no architecture of Keras: it has no class_name.",
            "Expected a file that model.to_json() or model.to_yaml() wrote.",
        )
    if weights is None:
        raise SourceError(
            f"{path} is an architecture without weights.",
            "Name the H5 file that model.save_weights() wrote beside it: source.weights: FILE.h5.",
        )
    _attributes(weights)
    return dataclasses.replace(describe_objects(version, architecture), weights=weights)


def _attributes(path: Path) -> dict[str, Any]:
    """What an H5 file says at its root, once it is checked.

    Raises:
        SourceError: As `read_h5`.
    """
    h5py = load("h5py")
    try:
        with h5py.File(path, "r") as file:
            _check_members(h5py, file, path)
            return dict(file.attrs)
    except OSError as error:
        if error.errno:
            raise SourceError(
                f"{path} cannot be read: {os.strerror(error.errno)}.", "Check source.path."
            ) from error
        raise SourceError(f"{path} is no H5 file, or it was cut short.", _SAVE) from error
    except (KeyError, RuntimeError, ValueError) as error:
        raise SourceError(f"{path} is damaged: its contents cannot be listed.", _SAVE) from error


def _check_members(h5py: Any, file: Any, path: Path) -> None:
    """No link out of the file, no data elsewhere, no more weights than a model can have."""
    size = 0

    def visit(group: Any) -> None:
        nonlocal size
        for name in group:
            if isinstance(group.get(name, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
                raise SourceError(
                    f"{path} has a link, {group.name}/{name}; links are not followed.", _SAVE
                )
            member = group[name]
            if isinstance(member, h5py.Group):
                visit(member)
            elif isinstance(member, h5py.Dataset):
                if member.external or member.is_virtual:
                    raise SourceError(f"{path} keeps {name} in another file.", _SAVE)
                size += member.nbytes

    visit(file)
    if size > LARGEST:
        raise SourceError(
            f"{path} says that it holds {size:,} bytes of weights; a LiteRT model has at most "
            f"{LARGEST:,}.",
            "Make the model smaller, and save it without its optimizer.",
        )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
