"""C++ classes around LiteRT's Interpreter (TensorFlow Lite) and its CompiledModel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.kinds import accelerator
from rnnlite_pipeline.release.deploy.text import plain, written

#: The C++ type of each of NumPy's.
TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "bool",
}


def cpp_class(deployment: Deployment) -> str:
    """The text of the header for the Interpreter."""
    return written("class.h", {"model": deployment}, **FILTERS)


def compiled_class(deployment: Deployment) -> str:
    """The text of the header for CompiledModel."""
    place = accelerator(deployment.targets).capitalize()
    return written("compiled.h", {"model": deployment, "accelerator": f"k{place}"}, **FILTERS)


def cpp_type(port: Port) -> str:
    """The C++ type of a port's values; bytes for a dtype without a type."""
    return TYPES.get(port.dtype, "uint8_t")


def value_type(port: Port) -> str:
    """The C++ type of what the caller writes or reads: real numbers where it has them."""
    return "float" if port.real else cpp_type(port)


def floats(values: tuple[float, ...] | list[float]) -> str:
    """`0.1f, 0.25f`: numbers as C++ and Kotlin write them."""
    return ", ".join(f"{value!r}f" for value in values)


def told(port: Port, is_output: bool) -> str:
    """What the caller of the class must know about a port."""
    said = [port.described]
    if is_output and port.labels:
        said.append(f"labels: {plain(port.labels)}, packed in the model")
    if port.mean:
        mean, std = (", ".join(map(repr, each)) for each in (port.mean, port.std))
        said.append(f"stored is (value - [{mean}]) / [{std}]")
    return "; ".join(said)


def element(port: Port) -> str:
    """The name of a port's type in LiteRT's C++: `UInt8`."""
    return port.dtype.capitalize().replace("Uint", "UInt")


def literal(text: str) -> str:
    """A string as C++ writes it."""
    return json.dumps(plain(text))


#: The filters with which the templates of C++ write ports.
FILTERS: Mapping[str, Callable[..., Any]] = {
    "cpp_type": cpp_type,
    "value_type": value_type,
    "floats": floats,
    "told": told,
    "element": element,
    "json": json.dumps,
    "literal": literal,
}
