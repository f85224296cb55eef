"""An Android class around LiteRT's Interpreter, in Kotlin."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import written


def kotlin_class(deployment: Deployment) -> str:
    """The text of the class."""
    return written("class.kt", {"model": deployment}, buffer=_buffer)


def _buffer(port: Port) -> str:
    """The call that turns the values of an input into the buffer that the interpreter takes."""
    values = port.identifier
    if port.mean:
        values = f"normalized({values}, {_floats(port.mean)}, {_floats(port.std)})"
    if port.scale and port.dtype == "int16":
        return f"shorts({values}, {port.scale!r}f, {port.zero_point})"
    if port.scale:
        bounds = "0..255" if port.dtype == "uint8" else "-128..127"
        return f"bytes({values}, {port.scale!r}f, {port.zero_point}, {bounds})"
    return f"{ {'int32': 'ints', 'int64': 'longs'}.get(port.dtype, 'floats') }({values})"


def _floats(values: tuple[float, ...]) -> str:
    return f"floatArrayOf({', '.join(f'{value!r}f' for value in values)})"
