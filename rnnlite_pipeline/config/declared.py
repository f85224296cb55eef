"""What is known of a model's interface before it is opened; no TensorFlow, no NumPy.

1. The last import says all of it, as long as the source and its section of the config are the same:
   `source.json` names their digest.
2. The source file itself says the inputs, in some formats (`headers/`).

What neither says is not known, and not checked before the import.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Interface, Shape, Tensor, WrongSource
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.errors import did_you_mean
from rnnlite_pipeline.files import digest


@dataclass(frozen=True)
class Declared(Interface):
    """The interface, as far as it is known.

    Attributes:
        said_by: Who says so, for messages.
        imported: Whether an import said so; then the outputs are known, and in order.
    """

    said_by: str = ""
    imported: bool = False


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


def declared(config: Config, out: Path | None, header: Interface | None) -> Declared | None:
    """The interface of a config's model, or None where it is not known.

    Args:
        config: The config; the files that it names are there.
        out: The model's folder, DIR/NAME.
        header: What the source file says.
    """
    try:
        found = _imported(config, out)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        found = None  # a damaged file in the build folder is made again
    if found or header is None:
        return found
    pins = config.source.inputs
    inputs = {n: Tensor(_pinned(t.shape, pins.get(n)), t.dtype) for n, t in header.inputs.items()}
    said_by = Path(str(config.source.path)).name
    return Declared(inputs, header.outputs, header.layers, said_by)


def wrong_pins(config: Config, header: Interface) -> Iterator[tuple[Loc, str]]:
    """What `source.inputs` names that the file does not have, or has of another shape."""
    for name, pin in config.source.inputs.items():
        loc = ("source", "inputs", name)
        tensor = header.inputs.get(name)
        if tensor is None:
            hint = did_you_mean(name, header.inputs)
            yield loc, f"the model has no input `{name}`. {hint}".strip()
        elif tensor.shape is not None and not _closes(tensor.shape, pin):
            found, has = written(pin), written(tensor.shape)
            expected = "only a dimension that is null can be closed"
            yield loc, f"`{name}` is pinned to {found}, and the model has {has}; {expected}"


def written(shape: Shape) -> str:
    """A shape as a config has it."""
    return "[" + ", ".join("null" if d is None else str(d) for d in shape) + "]"


def _closes(shape: Shape, pin: Shape) -> bool:
    return len(shape) == len(pin) and all(
        p is None or d in (None, p) for d, p in zip(shape, pin, strict=True)
    )


def _imported(config: Config, out: Path | None) -> Declared | None:
    path = out / ".work" / "source.json" if out else None
    if path is None or not path.is_file():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    if not told.get("of") or told["of"] != source_digest(config):
        return None
    layers = _tensors(path.with_name("source.tflite")) if config.quantization.skip else frozenset()
    sides = _side(told["inputs"]), _side(told["outputs"])
    return Declared(*sides, layers, "the last import", imported=True)


def _tensors(graph: Path) -> frozenset[str]:
    """The names of the tensors of the graph that the import left; none where it is not there."""
    from rnnlite_pipeline.config.headers import tflite

    try:
        found = tflite.read(graph, Source(format="tflite", path=str(graph)))
    except (OSError, ValueError, WrongSource):
        return frozenset()
    return found.layers if found else frozenset()


def _side(told: Any) -> Mapping[str, Tensor]:
    return {each["name"]: Tensor(tuple(each["shape"]), each["dtype"]) for each in told}


def _pinned(shape: Shape | None, pin: Shape | None) -> Shape | None:
    if pin is None or shape is None or len(pin) != len(shape):
        return shape
    return tuple(p if d is None else d for d, p in zip(shape, pin, strict=True))
