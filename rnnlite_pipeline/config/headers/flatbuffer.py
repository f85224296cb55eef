"""Tables of a flatbuffer, each by the position of its field; no schema, and no NumPy.

Source: flatbuffers.dev/internals. Everything outside the file is an IndexError or a struct.error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

#: A file as bytes, or mapped into memory.
Bytes = bytes | memoryview


@dataclass(frozen=True)
class Table:
    """A table at a place of the file; all of it is in the file.

    Raises:
        IndexError, struct.error: It is not.
    """

    data: Bytes
    at: int

    def __post_init__(self) -> None:
        layout = self.at - _read(self.data, "<i", self.at)
        if self.at + _read(self.data, "<H", layout + 2) > len(self.data):
            raise IndexError("a table ends behind the file")

    @classmethod
    def root(cls, data: Bytes) -> Table:
        """The first table of a file."""
        return cls(data, _read(data, "<I", 0))

    def place(self, field: int) -> int:
        """The place of a field's value; 0 where it has its default."""
        layout = self.at - _read(self.data, "<i", self.at)
        if 4 + 2 * field >= _read(self.data, "<H", layout):
            return 0
        offset = _read(self.data, "<H", layout + 4 + 2 * field)
        return self.at + offset if offset else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """An integer; `kind` is its format for struct."""
        place = self.place(field)
        return _read(self.data, f"<{kind}", place) if place else default

    def table(self, field: int) -> Table | None:
        """A table that a field points to."""
        place = self.place(field)
        return Table(self.data, _follow(self.data, place)) if place else None

    def tables(self, field: int) -> Iterator[Table]:
        """The tables of a vector."""
        start, count = self.vector(field, 4)
        for k in range(count):
            yield Table(self.data, _follow(self.data, start + 4 * k))

    def numbers(self, field: int) -> tuple[int, ...]:
        """A vector of int32."""
        start, count = self.vector(field, 4)
        return struct.unpack_from(f"<{count}i", self.data, start) if count else ()

    def text(self, field: int) -> str:
        """A string; empty where there is none."""
        start, size = self.vector(field, 1)
        return bytes(self.data[start : start + size]).decode("utf-8")

    def vector(self, field: int, width: int) -> tuple[int, int]:
        """Where a vector of items of `width` bytes begins, and how many it has."""
        place = self.place(field)
        if not place:
            return 0, 0
        start = _follow(self.data, place)
        count = _read(self.data, "<I", start)
        if start + 4 + count * width > len(self.data):
            raise IndexError("a vector ends behind the file")
        return start + 4, count


def _follow(data: Bytes, place: int) -> int:
    return place + _read(data, "<I", place)


def _read(data: Bytes, kind: str, at: int) -> int:
    if at < 0:
        raise IndexError("an offset points before the file")
    value: int = struct.unpack_from(kind, data, at)[0]
    return value
