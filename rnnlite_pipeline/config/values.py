"""The values of arrays in an .npz file, without NumPy: what no model can be given.

Finite numbers: a float is NaN or infinite where all bits of its exponent are set (IEEE 754). These
bits lie in its two highest bytes, so slices of the bytes and `bytes.find` say it at the speed of
memory, and only large numbers are looked at one by one.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.config.arrays import Header, NotArrays
from rnnlite_pipeline.files import BROKEN_ZIP

#: The most bytes of one file whose values `validate` reads; the stages read the others.
MAX_BYTES = 2**24

#: By the width of a float: what the two highest bytes must have set for it not to be finite.
_EXPONENT = {2: (0x7C, 0x00), 4: (0x7F, 0x80), 8: (0x7F, 0xF0)}

_CODES = {
    "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "b1": "?", "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


def read_values(path: Path, name: str) -> bytes:
    """The bytes of one array, behind its header.

    Args:
        path: An .npz file whose headers could be read.
        name: The array.

    Raises:
        NotArrays: It is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.read(f"{name}.npy")
    except (*BROKEN_ZIP, OSError) as error:
        raise NotArrays(f"damaged in `{name}` ({error})") from None
    width = 2 if whole[6] == 1 else 4
    return whole[8 + width + int.from_bytes(whole[8 : 8 + width], "little") :]


def first_not_finite(header: Header, values: bytes) -> int | None:
    """The row of the first float that is NaN or infinite, counted from 0; None where there is none.

    Args:
        header: The dtype and the shape of the array.
        values: Its bytes.
    """
    size = int(header.dtype[2:]) if header.dtype[1:2] == "f" else 0
    if size not in _EXPONENT:
        return None
    big = header.dtype.startswith(">")
    high, low = _EXPONENT[size]
    first, second = (0, 1) if big else (size - 1, size - 2)
    marks = bytes(1 if byte & high == high else 0 for byte in range(256))
    candidates = values[first::size].translate(marks)
    place = candidates.find(1)
    while place >= 0:
        if values[place * size + second] & low == low:
            return _row(header, place)
        place = candidates.find(1, place + 1)
    return None


def numbers(header: Header, values: bytes) -> Iterator[tuple[int, float]]:
    """Each value of a small array, with its row counted from 0; none of another dtype."""
    code = _CODES.get(header.dtype.lstrip("<>|="))
    if code is None:
        return
    order = ">" if header.dtype.startswith(">") else "<"
    whole = len(values) // struct.calcsize(code) * struct.calcsize(code)
    for place, (value,) in enumerate(struct.iter_unpack(f"{order}{code}", values[:whole])):
        yield _row(header, place), value


def _row(header: Header, place: int) -> int:
    """The index on the first axis of a value."""
    if header.fortran:
        return place % max(header.shape[0], 1)
    return place // max(math.prod(header.shape[1:]), 1)
