"""What an .npz file holds, from its headers alone: neither the data nor NumPy is loaded.

An .npz is a zip of .npy files; the header of one is the text of a dict (numpy.lib.format).
"""

from __future__ import annotations

import ast
import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rnnlite_pipeline.files import BROKEN_ZIP

_MAGIC = b"\x93NUMPY"
#: The longest header NumPy itself reads from a file it does not trust.
_MAX_HEADER = 10_000

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
    """The dtype, as NumPy writes it (`<f4`), and the shape of one array.

    Attributes:
        fortran: Whether the first axis changes fastest.
    """

    dtype: str
    shape: tuple[int, ...]
    fortran: bool = False


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
    """NumPy makes an array before it reads it: one must not say that it is more than is there."""
    digits = header.dtype.lstrip("<>|=")[1:]
    said = math.prod(header.shape) * (int(digits) if digits.isdecimal() else 1)
    if said > stored:
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
    if not isinstance(dtype, str) or dtype.lstrip("<>|=")[:1] not in "biufcSU":
        raise NotArrays(f"`{name}` holds objects or records; expected numbers")
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise NotArrays(f"`{name}` has the shape {shape!r}")
    return Header(dtype, shape, bool(header.get("fortran_order")))
