"""What is known of a model's interface before it is opened; no TensorFlow, no NumPy.

1. The last import says all of it, as long as the source and its section of the config are the same:
   `source.json` names their digest.
2. The header of a Functional `.keras` file says the inputs: a zip with `config.json` in it.
   Source: keras/src/saving/saving_lib.py and keras/src/models/functional.py, Keras 3.

What neither says is not known, and not checked before the import.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.files import digest

#: The longest header that is read.
_MAX_HEADER = 2**24

#: What a header that is damaged makes its readers raise.
_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output: its shape, None where it is open, and its dtype as NumPy names it."""

    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Declared:
    """The interface, as far as it is known.

    Attributes:
        inputs: By name.
        outputs: By name; empty where they are not known.
        said_by: Who says so, for messages.
    """

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    said_by: str


def source_digest(config: Config) -> str:
    """What an import was made of: the section `source`, and the content of its files.

    Empty where the source is built by code, which may depend on anything.

    Raises:
        OSError: A file cannot be read.
    """
    source = config.source
    if source.factory or source.custom_objects or not source.path:
        return ""
    named = [path for path in (source.path, source.weights) if path]
    told = [source.model_dump(mode="json"), [digest(config.resolve(path)) for path in named]]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def declared(config: Config, out: Path | None) -> Declared | None:
    """The interface of a config's model, or None where it is not known.

    Args:
        config: The config; the files that it names are there.
        out: The model's folder, DIR/NAME.
    """
    try:
        return _imported(config, out) or _functional(config)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        return None  # damaged: the import says so, in full


def _imported(config: Config, out: Path | None) -> Declared | None:
    path = out / ".work" / "source.json" if out else None
    if path is None or not path.is_file():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    if not told.get("of") or told["of"] != source_digest(config):
        return None
    return Declared(_side(told["inputs"]), _side(told["outputs"]), "the last import")


def _side(told: Any) -> dict[str, Tensor]:
    return {each["name"]: _tensor(each["shape"], each["dtype"]) for each in told}


def _functional(config: Config) -> Declared | None:
    if config.source.format != "keras" or not config.source.path:
        return None
    path = config.resolve(config.source.path)
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _MAX_HEADER:
            return None
        model = json.loads(archive.read("config.json"))
    if model["class_name"] != "Functional":
        return None
    layers = {layer["name"]: layer for layer in model["config"]["layers"]}
    names = _names(model["config"]["input_layers"])
    inputs = {name: layers[name]["config"] for name in names}
    if any(layers[name]["class_name"] != "InputLayer" for name in names) or not names:
        return None
    tensors = {name: _tensor(told["batch_shape"], told["dtype"]) for name, told in inputs.items()}
    pins = config.source.inputs
    pinned = {n: Tensor(_pinned(t.shape, pins.get(n)), t.dtype) for n, t in tensors.items()}
    return Declared(pinned, {}, path.name)


def _names(told: Any) -> list[str]:
    """The names in `input_layers`: `[name, 0, 0]`, or lists or mappings of these."""
    if isinstance(told, Mapping):
        return [name for each in told.values() for name in _names(each)]
    if told and isinstance(told[0], str):
        return [told[0]]
    return [name for each in told for name in _names(each)]


def _pinned(shape: Shape, pin: Any) -> Shape:
    if pin is None or len(pin) != len(shape):
        return shape
    return tuple(p if d is None else d for d, p in zip(shape, pin, strict=True))


def _tensor(shape: Any, dtype: Any) -> Tensor:
    if not isinstance(dtype, str):
        raise TypeError(dtype)
    return Tensor(tuple(shape), dtype)
