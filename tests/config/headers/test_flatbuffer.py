"""Tables of a flatbuffer without their schema."""

from __future__ import annotations

import contextlib
import struct

import flatbuffers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.config.headers.flatbuffer import Table


def written() -> bytes:
    """A table: an int32, a text, a vector of int32, a table, a vector of tables, none, a byte."""
    build = flatbuffers.Builder(0)
    text = build.CreateString("é")
    build.StartVector(4, 3, 4)
    for number in (3, -2, 1):
        build.PrependInt32(number)
    numbers = build.EndVector()
    inner = []
    for number in (5, 6):
        build.StartObject(1)
        build.PrependInt32Slot(0, number, 0)
        inner.append(build.EndObject())
    build.StartVector(4, 2, 4)
    for offset in reversed(inner):
        build.PrependUOffsetTRelative(offset)
    tables = build.EndVector()
    build.StartObject(7)
    build.PrependInt32Slot(0, -7, 0)
    for slot, offset in ((1, text), (2, numbers), (3, inner[0]), (4, tables)):
        build.PrependUOffsetTRelativeSlot(slot, offset, 0)
    build.PrependUint8Slot(6, 200, 0)
    build.Finish(build.EndObject())
    return bytes(build.Output())


DATA = written()


def test_fields_by_their_position() -> None:
    """Numbers, texts, vectors and tables, from bytes as from a view of them."""
    for data in (DATA, memoryview(DATA)):
        root = Table.root(data)
        assert (root.number(0, "i"), root.number(6, "B")) == (-7, 200)
        assert root.text(1) == "é"
        assert root.numbers(2) == (1, -2, 3)
        inner = root.table(3)
        assert inner is not None
        assert inner.number(0, "i") == 5
        assert [each.number(0, "i") for each in root.tables(4)] == [5, 6]


@pytest.mark.parametrize("field", [5, 7, 99])
def test_a_field_that_is_not_there_has_its_default(field: int) -> None:
    """One that was left out, and one of a newer schema."""
    root = Table.root(DATA)
    assert root.number(field, "i", 3) == 3
    assert root.text(field) == ""
    assert root.table(field) is None
    assert (list(root.tables(field)), root.numbers(field)) == ([], ())


@given(st.integers(0, len(DATA) - 1))
def test_a_file_that_is_cut_is_an_error(size: int) -> None:
    """Unless only the zeros at its end are missing, which nothing needs."""
    if not DATA[size:].strip(b"\0"):
        assert everything(DATA[:size]) == everything(DATA)
        return
    with pytest.raises((IndexError, struct.error, UnicodeDecodeError)):
        everything(DATA[:size])


@given(st.integers(0, len(DATA) - 1), st.integers(0, 255))
def test_a_damaged_byte_is_read_or_an_error(place: int, byte: int) -> None:
    """No other exception, and no endless work."""
    damaged = bytearray(DATA)
    damaged[place] = byte
    with contextlib.suppress(IndexError, struct.error, UnicodeDecodeError):
        everything(bytes(damaged))


def everything(data: bytes) -> tuple[object, ...]:
    """The values of every field."""
    root = Table.root(data)
    tables = [root.table(3), *root.tables(4)]
    numbers = [None if each is None else each.number(0, "i") for each in tables]
    return root.number(0, "i"), root.number(6, "B"), root.text(1), root.numbers(2), numbers
