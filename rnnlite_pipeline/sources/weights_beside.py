"""The other half of a Keras model that was saved in two files: architecture, and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.h5 import is_architecture, is_h5
from rnnlite_pipeline.toolchain import load


def pair(path: Path) -> tuple[Path, Path | None]:
    """A model file and its weights' own file: itself and None where it is a whole model.

    The other half stands in the same folder, and names the same layers. Where several do, since
    models of one author often call their layers alike, it is the one whose file name begins like
    this one's for the longest part.

    Raises:
        SourceError: A half is there, and no other or several; it says what to write.
    """
    if is_architecture(path):
        named = _layers_of_json(path)
        found = [p for p in _beside(path) if is_h5(p) and named >= _layers_of_weights(p) > set()]
        return path, _only(path, found, "an architecture", "the H5 file of its weights", "weights")
    if is_h5(path) and (names := _layers_of_weights(path)):
        found = [p for p in _beside(path) if is_architecture(p) and _layers_of_json(p) >= names]
        return _only(path, found, "weights only", "their architecture as JSON", "path"), path
    return path, None


def _only(path: Path, found: list[Path], what: str, other: str, key: str) -> Path:
    begins = [_alike(p.name, path.name) for p in found]
    nearest = [p for p, begin in zip(found, begins, strict=True) if begin == max(begins)]
    if len(nearest) == 1:
        return nearest[0]
    several = f"several stand beside it: {', '.join(p.name for p in found)}"
    rest = "weights" if key == "path" else "path"
    raise SourceError(
        f"{path} holds {what}, and {several if found else f'{other} is not beside it'}.",
        f"Write the config by hand: source.{rest}: {path.name}, source.{key}: {other}, which "
        "model.to_json() and model.save_weights() write; or save the whole model.",
    )


def _alike(one: str, other: str) -> int:
    """How many letters two names begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _beside(path: Path) -> Iterator[Path]:
    endings = (".json", ".h5", ".hdf5", ".weights")
    yield from (
        p
        for p in sorted(path.parent.iterdir())
        if p.suffix in endings and p.is_file() and p != path
    )


def _layers_of_json(path: Path) -> set[str]:
    """The names of an architecture's layers; none of other JSON."""
    try:
        architecture = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    return set(_names(architecture)) if "class_name" in architecture else set()


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _layers_of_weights(path: Path) -> set[str]:
    """The names of the layers that a weights-only file has; none of a whole model's."""
    h5py = load("h5py")
    try:
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs:
                return set()
            if "layer_names" in file.attrs:
                names = (
                    n.decode() if isinstance(n, bytes) else n for n in file.attrs["layer_names"]
                )
                return {name for name in names if len(file.get(name, ()))}
            return set(file["layers"]) if "layers" in file else set()
    except (OSError, KeyError, RuntimeError, ValueError):
        return set()
