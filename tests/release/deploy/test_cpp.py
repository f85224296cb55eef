"""Types, numbers and texts of ports as C++ writes them."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.release.deploy.cpp import (
    compiled_class,
    cpp_class,
    cpp_type,
    element,
    floats,
    literal,
    told,
    value_type,
)
from tests.release.deploy.ports import deployment, port


@pytest.mark.parametrize(
    ("dtype", "scale", "stored", "value", "name"),
    [
        ("float32", 0.0, "float", "float", "Float32"),
        ("int8", 0.5, "int8_t", "float", "Int8"),
        ("int8", 0.0, "int8_t", "int8_t", "Int8"),
        ("uint8", 0.5, "uint8_t", "float", "UInt8"),
        ("bool", 0.0, "bool", "bool", "Bool"),
        ("float16", 0.0, "uint8_t", "uint8_t", "Float16"),
    ],
)
def test_types(dtype: str, scale: float, stored: str, value: str, name: str) -> None:
    """What the model stores, what the caller writes, and LiteRT's name of the type."""
    made = port(dtype=dtype, scale=scale)
    assert (cpp_type(made), value_type(made), element(made)) == (stored, value, name)


def test_numbers_are_floats() -> None:
    """Each has a point or an exponent, which C++ asks for before the f."""
    assert floats((0.1, -2.0, 1e-7, 1e20)) == "0.1f, -2.0f, 1e-07f, 1e+20f"
    assert floats([]) == ""


def test_what_is_told_of_a_port() -> None:
    """Labels only of an output; the normalization with its numbers."""
    made = port(shape=(None, 4), labels="l.txt", mean=(0.5,), std=(2.0,))
    normalized = "stored is (value - [0.5]) / [2.0]"
    labels = "labels: l.txt, packed in the model"
    assert told(made, is_output=True) == f"x: float32 [?, 4]; {labels}; {normalized}"
    assert told(made, is_output=False) == f"x: float32 [?, 4]; {normalized}"


def test_a_literal_ends_with_its_own_quote() -> None:
    """What could end it is replaced."""
    assert literal('a"b\n') == '"a?b?"'


def test_the_accelerator_is_that_of_the_targets() -> None:
    """CompiledModel is asked for it; the Interpreter is not."""
    assert "kGpu" in compiled_class(deployment(targets=("litert-gpu",)))
    assert "kCpu" in compiled_class(deployment())
    assert "HwAccelerator" not in cpp_class(deployment(targets=("litert-gpu",)))
