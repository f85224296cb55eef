"""The headers of an .npz file, read without NumPy."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import arrays
from rnnlite_pipeline.config.arrays import Header, NotArrays, read_headers


def npy(header: str, version: bytes = b"\1\0", data: bytes = b"") -> bytes:
    """An .npy file with this text as its header."""
    width = 2 if version[:1] == b"\1" else 4
    text = header.encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(width, "little") + text + data


def stored(folder: Path, *members: tuple[str, bytes]) -> Path:
    """A zip of these files."""
    path = folder / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), np.float32),
        np.zeros((0, 3), ">i8"),
        np.asfortranarray(np.zeros((2, 3))),
        np.float16(1),
        np.array([True]),
        np.zeros(2, np.complex64),
        np.array(["a", "bcd"]),
        np.array([b"ab"]),
    ],
    ids=lambda each: f"{each.dtype}{each.shape}",
)
def test_headers_are_those_that_numpy_reads(tmp_path: Path, array: Any) -> None:
    """Dtype, shape and layout of any array that needs no pickle; its width in bytes."""
    np.savez(tmp_path / "a.npz", x=array)
    (header,) = read_headers(tmp_path / "a.npz").values()
    array = np.asarray(array)
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert header == Header(array.dtype.str, array.shape, is_fortran)
    assert header.width == array.itemsize


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
def test_every_version_of_the_header_is_read(tmp_path: Path, version: bytes) -> None:
    """Later ones have a longer length; spaces around the text do not count."""
    text = "  {'descr': '<f4', 'fortran_order': True, 'shape': (1,)}   \n"
    path = stored(tmp_path, ("x.npy", npy(text, version, bytes(4))))
    assert read_headers(path) == {"x": Header("<f4", (1,), fortran=True)}


@pytest.mark.parametrize(
    ("descr", "shape", "said"),
    [
        ("'|O'", "(1,)", "holds objects or records"),
        ("'<M8[ns]'", "(1,)", "holds objects or records"),
        ("''", "(1,)", "holds objects or records"),
        ("'<f'", "(1,)", "holds objects or records"),
        ("'<f4x'", "(1,)", "holds objects or records"),
        ("[('a', '<f4')]", "(1,)", "holds objects or records"),
        ("'<f4'", "(-1,)", "has the shape (-1,)"),
        ("'<f4'", "(1.0,)", "has the shape (1.0,)"),
        ("'<f4'", "(True,)", "has the shape (True,)"),
        ("'<f4'", "[1]", "has the shape [1]"),
        ("'<f4'", "(2,)", "has the shape (2,), and only"),
        ("'<U9'", "(3,)", "has the shape (3,), and only"),
    ],
)
def test_an_array_is_of_numbers_and_as_large_as_it_says(
    tmp_path: Path, descr: str, shape: str, said: str
) -> None:
    """NumPy would allocate what the header claims: it must be there."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
    data = b"" if "f4" in descr and "2," in shape else bytes(8)
    if "2," in shape:
        # The header itself is part of what is stored, so the claim is made larger than that.
        text = text.replace("(2,)", "(2000,)")
        said = said.replace("(2,)", "(2000,)")
    path = stored(tmp_path, ("x.npy", npy(text, data=data)))
    with pytest.raises(NotArrays) as caught:
        read_headers(path)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([], "holds no arrays"),
        ([("x", b"")], "expected one .npy file for each name, found 'x'"),
        ([("x.npy", b""), ("folder/", b"")], "`x` is not an array"),
        ([("x.npy", npy("{'descr': '<f4', 'shape': ()}", data=bytes(4)))] * 2, "found 'x.npy'"),
        ([("x.npy", npy("{'shape': ()}"))], "not an .npz file, or damaged"),
        ([("x.npy", npy("[" * 3000))], "not an .npz file, or damaged"),
        ([("x.npy", npy("open('/etc/passwd')"))], "not an .npz file, or damaged"),
        ([("x.npy", b"\x93NUMPY\4\0")], "`x` is not an array"),
        ([("x.npy", b"\x93NUMPY\1")], "not an .npz file, or damaged"),
        ([("x.npy", npy(" " * 10_001))], "has a header of 10001 bytes"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_no_array_is_refused(
    tmp_path: Path, members: list[tuple[str, bytes]], said: str
) -> None:
    """With the reason; no header is run as code."""
    with pytest.raises(NotArrays) as caught:
        read_headers(stored(tmp_path, *members))
    assert said in str(caught.value)


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All arrays together, by the sizes that the archive declares."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(1000, np.uint8), y=np.zeros(1000, np.uint8))
    read_headers(path)
    monkeypatch.setattr(arrays, "MAX_BYTES", 2000)
    with pytest.raises(NotArrays, match="expected at most 2,000"):
        read_headers(path)


def test_a_file_that_is_not_there_is_no_npz(tmp_path: Path) -> None:
    """The system's reason is told."""
    with pytest.raises(NotArrays, match="No such file"):
        read_headers(tmp_path / "none.npz")


def test_a_member_larger_than_its_file_is_damaged(tmp_path: Path) -> None:
    """By the directory of the archive, whose sizes anybody can write."""
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros(3))
    content = bytearray(buffer.getvalue())
    directory = content.rindex(b"PK\1\2")
    content[directory + 20 : directory + 24] = (2**31).to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(NotArrays):
        read_headers(tmp_path / "a.npz")
