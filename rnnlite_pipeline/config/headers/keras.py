"""The header of a `.keras` file: a zip archive with `config.json` in it.

The inputs of a Functional model are known from it, and of a Sequential model that begins with an
InputLayer. Source: keras/src/saving/saving_lib.py and keras/src/models/functional.py, Keras 3.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config.headers.interface import Interface, Tensor, WrongSource
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.files import BROKEN_ZIP

_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")

#: The longest config that is read.
_MAX_HEADER = 2**24

#: Files with more bytes than this are compared with their checksums by the import, not here.
MAX_CHECKED = 2**25

_AGAIN = "save the model again with model.save(...), and copy the whole file"


def read(path: Path, source: Source) -> Interface | None:
    """The inputs that the config of a `.keras` file declares.

    Raises:
        WrongSource: The archive is damaged, or has no model in it.
    """
    del source
    try:
        with zipfile.ZipFile(path) as archive:
            if missing := [name for name in _MEMBERS if name not in archive.namelist()]:
                raise WrongSource(f"{path} is no .keras file: it has no {missing[0]}; {_AGAIN}")
            size = path.stat().st_size
            if any(entry.compress_size > size for entry in archive.infolist()):
                raise WrongSource(f"{path} is damaged: an entry is larger than the file; {_AGAIN}")
            if sum(entry.file_size for entry in archive.infolist()) <= MAX_CHECKED:
                _check_content(path, archive)
            if archive.getinfo("config.json").file_size > _MAX_HEADER:
                return None
            content = archive.read("config.json")
    except (*BROKEN_ZIP, OSError, ValueError) as error:
        raise WrongSource(f"{path} is damaged ({error}); {_AGAIN}") from None
    try:
        model = json.loads(content)
    except (ValueError, RecursionError):
        raise WrongSource(f"{path} is damaged: its config is no JSON; {_AGAIN}") from None
    return declared(model)


def _check_content(path: Path, archive: zipfile.ZipFile) -> None:
    if damaged := archive.testzip():
        raise WrongSource(f"{path} is damaged: {damaged} fails its checksum; {_AGAIN}")


def declared(model: Any) -> Interface | None:
    """The inputs and the layers of a model's config as JSON, of Keras 2 or 3.

    None where it does not say its inputs: the import says more.
    """
    try:
        entrances = _entrances(model["class_name"], model["config"])
        if not entrances or any(each["class_name"] != "InputLayer" for each in entrances):
            return None
        inputs = {each["config"]["name"]: _tensor(each["config"]) for each in entrances}
        return Interface(inputs, layers=frozenset(_all_names(model["config"]["layers"])))
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None  # a config of another Keras


def _entrances(kind: str, config: Any) -> list[Any]:
    """What should be the model's InputLayers."""
    if kind == "Sequential":
        return [config["layers"][0]]
    if kind not in ("Functional", "Model"):
        return []
    by_name = {layer["name"]: layer for layer in config["layers"]}
    return [by_name[name] for name in _names(config["input_layers"])]


def _all_names(told: Any) -> Iterator[str]:
    """Every name in a config: of layers, of those that they wrap, and of their cells."""
    if isinstance(told, Mapping):
        if isinstance(name := told.get("name"), str):
            yield name
        told = list(told.values())
    if isinstance(told, list):
        for each in told:
            yield from _all_names(each)


def _names(told: Any) -> Iterator[str]:
    """The names in `input_layers`: `[name, 0, 0]`, or lists or mappings of these."""
    if isinstance(told, Mapping):
        told = list(told.values())
    if told and isinstance(told[0], str):
        yield told[0]
        return
    for each in told:
        yield from _names(each)


def _tensor(told: Mapping[str, Any]) -> Tensor:
    if not isinstance(told["dtype"], str):
        raise TypeError(told["dtype"])
    shape = told["batch_shape"] if "batch_shape" in told else told["batch_input_shape"]  # Keras 2
    return Tensor(tuple(shape), told["dtype"])
