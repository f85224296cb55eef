"""Protocol buffers without their schema."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config.headers.protobuf import fields, integer, mapping, text
from tests.config.written_sources import field


def test_fields_come_in_their_order() -> None:
    """Integers of any size and sign, text, messages and maps are read as they were written."""
    entry = field(1, "key") + field(2, field(1, 7))
    data = memoryview(field(1, 300) + field(2, "é") + field(3, -1) + field(4, entry))
    assert [number for number, _ in fields(data)] == [1, 2, 3, 4]
    assert (integer(data, 1), text(data, 2), integer(data, 3)) == (300, "é", -1)
    assert {key: integer(value, 1) for key, value in mapping(data, 4).items()} == {"key": 7}


def test_fields_of_a_fixed_width_are_passed_over() -> None:
    """Floats and doubles stand between other fields."""
    data = memoryview(b"\x0d\0\0\0\0" + b"\x11" + bytes(8) + field(3, 1))
    assert list(fields(data)) == [(3, 1)]


@pytest.mark.parametrize(
    "data",
    [b"\x0a\x05abc", b"\x08", b"\x08" + b"\xff" * 11, b"\x0b", b"\x00\x01", b"\x0d\0", b"\x11\0"],
    ids=["text", "no value", "long number", "group", "no field", "float", "double"],
)
def test_what_is_damaged_is_an_error(data: bytes) -> None:
    """A message that ends too early, or has no known type in it, raises ValueError."""
    with pytest.raises(ValueError, match=r"field|number"):
        list(fields(memoryview(data)))
