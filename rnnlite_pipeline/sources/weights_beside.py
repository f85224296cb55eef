"""The other half of a Keras model that was saved in two files: architecture, and weights.

Rules (keras/src/saving/saving_lib.py, _save_container_state; tf_keras legacy/hdf5_format.py):
    1. An H5 file of Keras 2 names the layers that have weights by their own names: all of them are
       in the architecture.
    2. A `.weights.h5` of Keras 3 names each layer of the model by its class, numbered: lstm, dense,
       dense_1. The architecture has the same classes, equally many times; inputs may be left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.architecture import is_architecture, parsed
from rnnlite_pipeline.sources.formats.h5 import is_h5
from rnnlite_pipeline.toolchain import load


@dataclass(frozen=True)
class _Weights:
    """What an H5 file of weights calls its layers.

    Attributes:
        names: Empty where the file holds something else.
        by_class: Whether these are the names of classes (rule 2).
        whole: Whether the file has the architecture too.
    """

    names: frozenset[str] = frozenset()
    by_class: bool = False
    whole: bool = False

    def fit(self, architecture: Any) -> bool:
        """Whether they are those of an architecture."""
        if self.by_class:
            return _without_inputs(self.names) == _without_inputs(_classes(architecture))
        return self.names <= set(_names(architecture))


def pair(path: Path) -> tuple[Path, Path | None]:
    """A model file and its weights' own file: itself and None where it is a whole model.

    The other half stands in the same folder, and names the same layers. Where several do, since
    models of one author often call their layers alike, it is the one whose file name begins like
    this one's for the longest part.

    Raises:
        SourceError: A half is there, and no other or several; it says what to write.
    """
    if is_architecture(path):
        own = _architecture(path)
        found = [p for p in _beside(path) if is_h5(p) and (w := _weights(p)).names and w.fit(own)]
        return path, _only(path, found, "an architecture", "the H5 file of its weights", "weights")
    if is_h5(path) and (weights := _weights(path)).names and not weights.whole:
        files = [p for p in _beside(path) if is_architecture(p)]
        found = [p for p in files if (other := _architecture(p)) and weights.fit(other)]
        return _only(
            path, found, "weights only", "their architecture as JSON or YAML", "path"
        ), path
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
    endings = (".json", ".yaml", ".yml", ".h5", ".hdf5", ".weights")
    yield from (
        p
        for p in sorted(path.parent.iterdir())
        if p.suffix in endings and p.is_file() and p != path
    )


def _architecture(path: Path) -> dict[str, Any]:
    """An architecture; empty where the file is other JSON or YAML."""
    try:
        found = parsed(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and "class_name" in found else {}


def _classes(architecture: Any) -> Iterator[str]:
    """What Keras 3 calls the model's own layers (rule 2)."""
    config = architecture.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    seen = Counter[str]()
    for layer in layers if isinstance(layers, list) else ():
        name = _snake_case(str(layer.get("class_name")) if isinstance(layer, dict) else "")
        yield f"{name}_{seen[name]}" if seen[name] else name
        seen[name] += 1


def _snake_case(name: str) -> str:
    """As keras/src/utils/naming.py, to_snake_case: InputLayer is input_layer, LSTM is lstm."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _without_inputs(names: Iterable[str]) -> set[str]:
    return {name for name in names if not re.fullmatch(r"input_layer(_\d+)?", name)}


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _weights(path: Path) -> _Weights:
    """The layers of a file of weights, or of a whole model of Keras 1 or 2."""
    h5py = load("h5py")
    try:
        with h5py.File(path, "r") as file:
            whole = "model_config" in file.attrs
            group = file.get("model_weights", ()) if whole else file
            if whole and not isinstance(group, h5py.Group):
                return _Weights()
            if "layer_names" in group.attrs:
                stored = group.attrs["layer_names"]
                names = [n.decode() if isinstance(n, bytes) else str(n) for n in stored]
                own = frozenset(name for name in names if len(group.get(name, ())))
                return _Weights(own, whole=whole)
            layers = file.get("layers")
            return _Weights(frozenset(layers if isinstance(layers, h5py.Group) else ()), True)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError):
        return _Weights()
