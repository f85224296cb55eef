"""How ports are written in Kotlin, and what CompiledModel lacks there."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.release.deploy import kotlin
from rnnlite_pipeline.release.deploy.deployment import Port
from rnnlite_pipeline.release.deploy.kotlin import kotlin_compiled_class, why_not_compiled
from tests.release.deploy.ports import deployment, port


@pytest.mark.parametrize(
    ("made", "array", "buffer"),
    [
        (port(), "FloatArray", "floats(x)"),
        (port(dtype="int32"), "IntArray", "ints(x)"),
        (port(dtype="int64"), "LongArray", "longs(x)"),
        (port(dtype="int8", scale=0.5, zero_point=3), "FloatArray", "bytes(x, 0.5f, 3, -128..127)"),
        (port(dtype="uint8", scale=0.5), "FloatArray", "bytes(x, 0.5f, 0, 0..255)"),
        (port(dtype="int16", scale=0.5), "FloatArray", "shorts(x, 0.5f, 0)"),
        (
            port(mean=(0.5, 1.0), std=(2.0, 3.0)),
            "FloatArray",
            "floats(normalized(x, floatArrayOf(0.5f, 1.0f), floatArrayOf(2.0f, 3.0f)))",
        ),
    ],
)
def test_the_interpreters_buffers(made: Port, array: str, buffer: str) -> None:
    """What the caller gives, and the call that makes a buffer of it."""
    assert (kotlin._array(made), kotlin._buffer(made)) == (array, buffer)


@pytest.mark.parametrize(
    ("made", "write", "read"),
    [
        (port(), "writeFloat(x)", "readFloat()"),
        (port(dtype="int64"), "writeLong(x)", "readLong()"),
        (port(dtype="int8"), "writeInt8(x)", "readInt8().toFloats()"),
        (
            port(dtype="int8", scale=0.5, zero_point=-3),
            "writeInt8(bytes(x, 0.5f, -3))",
            "readInt8().map { (it - -3) * 0.5f }.toFloatArray()",
        ),
    ],
)
def test_the_buffers_of_compiled_model(made: Port, write: str, read: str) -> None:
    """The calls on a TensorBuffer; quantized values are real ones to the caller."""
    assert (kotlin._write(made), kotlin._read(made)) == (write, read)


@pytest.mark.parametrize(
    ("inputs", "outputs", "reasons"),
    [
        ([port()], [port("y", "int64")], []),
        ([port(shape=(None, 4))], [port("y")], ["it cannot resize an input."]),
        ([port()], [port("y", shape=(None, 4))], ["it cannot resize an input."]),
        (
            [port(dtype="uint8"), port("z", "bool")],
            [port("y", "uint8")],
            ["it has no tensors of bool, uint8;"],
        ),
    ],
)
def test_why_there_is_no_compiled_class(
    inputs: list[Port], outputs: list[Port], reasons: list[str]
) -> None:
    """Open dimensions of any port, and types without a method; each type once."""
    found = why_not_compiled(deployment(inputs=tuple(inputs), outputs=tuple(outputs)))
    assert len(found) == len(reasons)
    assert all(a.startswith(b) for a, b in zip(found, reasons, strict=True))


def test_a_dollar_in_a_name_is_no_template() -> None:
    """Kotlin would put a value in its place."""
    text = kotlin_compiled_class(deployment(inputs=(port("$x", identifier="x"),)))
    assert '"\\$x"' in text
    assert '"$x"' not in text
