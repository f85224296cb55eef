"""What an .npz file holds, from its headers alone: neither the data nor NumPy is loaded.

An .npz is a zip of .npy files; the header of one is the text of a dict (numpy.lib.format).
"""

from __future__ import annotations

import ast
import math
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rnnlite_pipeline.files import BROKEN_ZIP

_MAGIC = b"\x93NUMPY"
#: The longest header NumPy itself reads from a file it does not trust.
_MAX_HEADER = 10_000

#: The dtypes that can be read without pickle: order, kind, and size in bytes or characters.
_DTYPE = re.compile(r"[<>|=]?([biufcSU])([0-9]+)", re.ASCII)

#: The most that all arrays of a file may take; samples for a test or a calibration are far less.
MAX_BYTES = 2**33

_DAMAGED = (
    *BROKEN_ZIP,
    KeyError,
    MemoryError,
    OSError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Header:
    """What the file says of one array.

    Attributes:
        dtype: As NumPy writes it: `<f4`.
        shape: The size of each axis.
        fortran: Whether the first axis changes fastest.
    """

    dtype: str
    shape: tuple[int, ...]
    fortran: bool = False

    @property
    def width(self) -> int:
        """The bytes of one value; a character of text has four."""
        found = _DTYPE.fullmatch(self.dtype)
        assert found is not None  # `read_headers` takes no other
        return int(found[2]) * (4 if found[1] == "U" else 1)


class NotArrays(Exception):
    """The file is not an .npz that can be read without pickle; the message says why."""


def read_headers(path: Path) -> dict[str, Header]:
    """The arrays of an .npz file by name.

    Raises:
        NotArrays: It is no .npz, is damaged, or holds objects, which only pickle can read.
    """
    headers: dict[str, Header] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name in headers or name == entry.filename:
                    raise NotArrays(
                        f"expected one .npy file for each name, found {entry.filename!r}"
                    )
                if entry.compress_size > path.stat().st_size:
                    raise NotArrays(f"damaged: `{name}` is larger than the file")
                with archive.open(entry) as member:
                    headers[name] = _header(name, member)
                _check_size(name, headers[name], entry.file_size)
            declared = sum(entry.file_size for entry in archive.infolist())
            if declared > MAX_BYTES:
                raise NotArrays(f"holds {declared:,} bytes; expected at most {MAX_BYTES:,}")
    except _DAMAGED as error:
        raise NotArrays(f"not an .npz file, or damaged ({error})") from None
    if not headers:
        raise NotArrays("holds no arrays")
    return headers


def _check_size(name: str, header: Header, stored: int) -> None:
    """Refuses an array that claims more bytes than are there: NumPy allocates before it reads."""
    if math.prod(header.shape) * header.width > stored:
        raise NotArrays(f"`{name}` has the shape {header.shape!r}, and only {stored:,} bytes")


def _header(name: str, member: IO[bytes]) -> Header:
    magic, version = member.read(6), member.read(2)
    if magic != _MAGIC or version[:1] not in (b"\1", b"\2", b"\3"):
        raise NotArrays(f"`{name}` is not an array")
    width = "<H" if version[0] == 1 else "<I"
    (length,) = struct.unpack(width, member.read(struct.calcsize(width)))
    if length > _MAX_HEADER:
        raise NotArrays(f"`{name}` has a header of {length} bytes")
    header = ast.literal_eval(member.read(length).decode("utf-8").strip())
    dtype, shape = header["descr"], header["shape"]
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise NotArrays(f"`{name}` holds objects or records; expected numbers")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise NotArrays(f"`{name}` has the shape {shape!r}")
    return Header(dtype, shape, bool(header.get("fortran_order")))
