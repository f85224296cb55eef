"""The header of an HDF5 file: its superblock says where the file ends.

Source: HDF5 file format specification version 3.0, section II.A, "Disk Format: Level 0A".
"""

from __future__ import annotations

import struct
from pathlib import Path

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Interface, WrongSource
from rnnlite_pipeline.config.headers.kinds import HDF5
from rnnlite_pipeline.config.source import Source

#: By the superblock's version: the byte that has the size of an address, and that of the first one.
_LAYOUT = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}

_AGAIN = "save the model again, and copy the whole file"


def read(path: Path, source: Source) -> Interface | None:
    """Nothing of the interface: only h5py reads more of an HDF5 file.

    Raises:
        WrongSource: As `check_whole`.
    """
    del source
    check_whole(path, ("source", "path"))
    return None


def check_whole(path: Path, loc: Loc) -> None:
    """Compares the size of a file with the one in its superblock.

    Args:
        path: The file.
        loc: Where the config names it.

    Raises:
        WrongSource: The file is no HDF5 file, or was cut short.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while (head := file.read(64))[: len(HDF5)] != HDF5:
            at = 2 * at or 512
            if at >= size:
                raise WrongSource(f"{path} is no HDF5 file; expected one that Keras wrote", loc)
            file.seek(at)
    try:
        end = _end(head)
    except struct.error:
        raise WrongSource(f"{path} was cut short: it has {size:,} bytes; {_AGAIN}", loc) from None
    if end is not None and at + end > size:
        cut = f"{path} was cut short: it has {size:,} bytes of {at + end:,}; {_AGAIN}"
        raise WrongSource(cut, loc)


def _end(head: bytes) -> int | None:
    """The end of the file, in bytes from its superblock; None where its version is not known.

    Raises:
        struct.error: The superblock is not whole.
    """
    (version,) = struct.unpack_from("<B", head, len(HDF5))
    if version not in _LAYOUT:
        return None
    width, addresses = _LAYOUT[version]
    if struct.unpack_from("<B", head, width)[0] != 8:
        return None
    base, _, end = struct.unpack_from("<QQQ", head, addresses)
    return int(end) - int(base)
