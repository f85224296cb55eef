"""Android classes around LiteRT's Interpreter and its CompiledModel, in Kotlin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rnnlite_pipeline.release.deploy.cpp import floats
from rnnlite_pipeline.release.deploy.deployment import Deployment, Port, StatePort
from rnnlite_pipeline.release.deploy.kinds import accelerator
from rnnlite_pipeline.release.deploy.text import written

#: The types of arrays that callers give and take; real numbers otherwise.
_ARRAYS = {"int32": "IntArray", "int64": "LongArray"}

#: What Kotlin's TensorBuffer writes and reads (litert/kotlin TensorBuffer.kt): no int16, no uint8.
_BUFFERS = {"float32": "Float", "int32": "Int", "int64": "Long", "int8": "Int8"}


def kotlin_class(deployment: Deployment) -> str:
    """The text of the class around the Interpreter."""
    return written("class.kt", {"model": deployment, "open": True}, **_FILTERS)


def kotlin_compiled_class(deployment: Deployment) -> str:
    """The text of the class around CompiledModel."""
    place = accelerator(deployment.targets)
    values = {"model": deployment, "open": False, "accelerator": place}
    return written("compiled.kt", values, **_FILTERS)


def why_not_compiled(deployment: Deployment) -> list[str]:
    """Why Kotlin's CompiledModel cannot run the model; nothing where it can."""
    ports = (*deployment.inputs, *deployment.outputs)
    reasons = []
    if any(not port.closed for port in ports):
        reasons.append("it cannot resize an input. Pin the open dimensions with source.inputs.")
    if other := sorted({port.dtype for port in ports} - _BUFFERS.keys()):
        reasons.append(f"it has no tensors of {', '.join(other)}; float32 and int8 will do.")
    return reasons


def _array(port: Port) -> str:
    """The type of the array that the caller gives or takes."""
    return "FloatArray" if port.scale else _ARRAYS.get(port.dtype, "FloatArray")


def _floats(values: tuple[float, ...]) -> str:
    return f"floatArrayOf({floats(values)})"


def _real(port: Port) -> str:
    """The values of an input, normalized."""
    if not port.mean:
        return port.identifier
    return f"normalized({port.identifier}, {_floats(port.mean)}, {_floats(port.std)})"


def _buffer(port: Port) -> str:
    """The call that turns the values of an input into the buffer that the Interpreter takes."""
    values = _real(port)
    if port.scale and port.dtype == "int16":
        return f"shorts({values}, {port.scale!r}f, {port.zero_point})"
    if port.scale:
        bounds = "0..255" if port.dtype == "uint8" else "-128..127"
        return f"bytes({values}, {port.scale!r}f, {port.zero_point}, {bounds})"
    return f"{ {'int32': 'ints', 'int64': 'longs'}.get(port.dtype, 'floats') }({values})"


def _write(port: Port) -> str:
    """The call on a TensorBuffer that writes the values of an input."""
    if port.scale:
        return f"writeInt8(bytes({_real(port)}, {port.scale!r}f, {port.zero_point}))"
    return f"write{_BUFFERS[port.dtype]}({_real(port)})"


def _read(port: Port) -> str:
    """The call on a TensorBuffer that reads the values of an output."""
    if port.scale:
        return f"readInt8().map {{ (it - {port.zero_point}) * {port.scale!r}f }}.toFloatArray()"
    return f"read{_BUFFERS[port.dtype]}()" + (".toFloats()" if port.dtype == "int8" else "")


def _shape(port: Port) -> str:
    """`intArrayOf(-1, 8, 8)`."""
    return f"intArrayOf({', '.join(map(str, port.sizes))})"


def _first(state: StatePort) -> str:
    """What a sequence starts from; one row, or one for each entry of the batch."""
    return _floats(tuple(state.row))


#: The filters with which the templates of Kotlin write ports.
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "array": _array,
    "buffer": _buffer,
    "write": _write,
    "read": _read,
    "shape": _shape,
    "first": _first,
    "string": lambda text: json.dumps(text).replace("$", "\\$"),
}
