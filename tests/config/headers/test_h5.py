"""The header of an HDF5 file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config.headers.h5 import check_whole, read
from rnnlite_pipeline.config.headers.interface import WrongSource
from rnnlite_pipeline.config.source import Source
from tests.config.written_sources import h5

LOC = ("source", "weights")
WHOLE = h5()


@pytest.mark.parametrize("block", [0, 512, 1024, 4096])
def test_a_whole_file_behind_a_block_of_its_user(tmp_path: Path, block: int) -> None:
    """The superblock begins at 0, 512, or a power of two times that."""
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(block) + WHOLE)
    check_whole(path, LOC)
    assert read(path, Source(format="h5", path=str(path))) is None
    path.write_bytes(bytes(block) + WHOLE + b"more")
    check_whole(path, LOC)


@pytest.mark.parametrize("block", [0, 512])
@pytest.mark.parametrize("size", [8, 20, 40, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_file_that_was_cut_short(tmp_path: Path, block: int, size: int) -> None:
    """Anywhere behind its signature; the error tells both sizes and the key."""
    path = tmp_path / "m.h5"
    path.write_bytes(bytes(block) + WHOLE[:size])
    with pytest.raises(WrongSource, match="was cut short: it has") as raised:
        check_whole(path, LOC)
    assert raised.value.loc == LOC
    if size == len(WHOLE) - 1:
        total = f"{block + size:,} bytes of {block + size + 1:,}"
        assert total in raised.value.message


def test_another_file_is_none(tmp_path: Path) -> None:
    """Empty, short, or with the signature at another place."""
    path = tmp_path / "m.h5"
    for content in (b"", b"text", bytes(100) + WHOLE):
        path.write_bytes(content)
        with pytest.raises(WrongSource, match="is no HDF5 file"):
            check_whole(path, LOC)


def test_a_superblock_of_an_unknown_version_is_left_to_the_import(tmp_path: Path) -> None:
    """Nothing is known of its size."""
    path = tmp_path / "m.h5"
    path.write_bytes(WHOLE[:8] + b"\x09" + WHOLE[9:100])
    check_whole(path, LOC)
