"""The fields of a protocol buffer, without its schema.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a message in order: its number and its value.

    Args:
        data: The message.

    Yields:
        The number of the field, and its bytes, or the integer of a varint. Fields of a fixed
        width are passed over.

    Raises:
        ValueError: The message is damaged: a field lies behind its end, or is of no known type.
    """
    at, size = 0, len(data)
    while at < size:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise ValueError("a field without a number")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > size:
                raise ValueError("a field ends behind the message")
            yield number, data[at : at + length]
            at += length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
            if at > size:
                raise ValueError("a field ends behind the message")
        else:
            raise ValueError(f"a field of the type {kind}")


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The values of one field that holds bytes or messages, in order.

    Raises:
        ValueError: The message is damaged, or the field holds integers.
    """
    for found, value in fields(data):
        if found == number:
            if isinstance(value, int):
                raise ValueError(f"field {number} is an integer")
            yield value


def text(data: memoryview, number: int) -> str:
    """The last value of a field that holds text; empty where there is none."""
    last = ""
    for value in messages(data, number):
        last = str(value, "utf-8")
    return last


def integer(data: memoryview, number: int) -> int:
    """The last value of a field that holds an int64; 0 where there is none."""
    last = 0
    for found, value in fields(data):
        if found == number and isinstance(value, int):
            last = value - 2**64 if value >= 2**63 else value
    return last


def mapping(data: memoryview, number: int) -> dict[str, memoryview]:
    """A field of the type map<string, MESSAGE>: its keys are field 1, its values field 2."""
    return {
        text(entry, 1): next(messages(entry, 2), memoryview(b""))
        for entry in messages(data, number)
    }


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("a number ends behind the message")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & (2**64 - 1), at
        shift += 7
    raise ValueError("a number of more than ten bytes")
