"""The header of an HDF5 file: where it ends, and the model's config that Keras wrote into it.

1. The superblock says where the file ends. Source: HDF5 file format specification version 3.0,
   section II.A, "Disk Format: Level 0A".
2. The attribute `model_config` of a whole model has its layers as JSON. h5py reads it, which takes
   0.15 s to import and can be crashed by a damaged file: it does so in a process of its own, once
   for a file of the same content.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.h5_config import DAMAGED
from rnnlite_pipeline.config.headers.interface import Interface, Tensor, WrongSource
from rnnlite_pipeline.config.headers.keras import declared
from rnnlite_pipeline.config.headers.kinds import HDF5
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.files import digest, user_cache, write_atomically

#: By the superblock's version: the byte that has the size of an address, and that of the first one.
_LAYOUT = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}

_AGAIN = "save the model again, and copy the whole file"


#: What is kept of a file has another name once it is read in another way.
_VERSION = 1

#: How long h5py may take to open a file.
_SECONDS = 20.0

_PARTS = (
    "name the architecture that model.to_json() wrote as source.path, and this file as"
    " source.weights; or save the whole model with model.save(...)"
)


def read(path: Path, source: Source) -> Interface | None:
    """The inputs and the layers of a whole model; None where they are not known.

    Raises:
        WrongSource: As `check_whole`; or the file is damaged, or holds weights only.
    """
    del source
    check_whole(path, ("source", "path"))
    known = user_cache() / "headers" / f"{digest(path)}-{_VERSION}.json"
    try:
        kept = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = _kept(path)
        if kept is not None:
            _keep(known, kept)
    if kept == _WEIGHTS:
        raise WrongSource(f"{path} holds weights only, without the model they belong to; {_PARTS}")
    return _interface(kept) if kept else None


#: What is kept of a file without a model, and of a model whose inputs are not known.
_WEIGHTS: dict[str, Any] = {"weights": True}
_UNKNOWN: dict[str, Any] = {}


def _kept(path: Path) -> dict[str, Any] | None:
    """What a file says, as JSON; None where h5py could not be asked, or crashed.

    Raises:
        WrongSource: The file is damaged.
    """
    import subprocess  # not needed for a file that is known

    program = [sys.executable, "-P", str(Path(__file__).with_name("h5_config.py")), str(path)]
    try:
        ended = subprocess.run(program, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if ended.returncode == DAMAGED:
        raise WrongSource(f"{path} is damaged: its contents cannot be listed; {_AGAIN}")
    if ended.returncode:
        return None
    if not ended.stdout:
        return _WEIGHTS
    try:
        found = declared(json.loads(ended.stdout))
    except (ValueError, RecursionError):
        return None
    if found is None:
        return _UNKNOWN
    inputs = {name: [tensor.shape, tensor.dtype] for name, tensor in found.inputs.items()}
    return {"inputs": inputs, "layers": sorted(found.layers)}


def _keep(known: Path, kept: dict[str, Any]) -> None:
    try:
        write_atomically(known, json.dumps(kept).encode(), at_once=True)
    except OSError:
        return  # it is read again


def _interface(kept: dict[str, Any]) -> Interface | None:
    try:
        sides = kept["inputs"].items()
        inputs = {name: Tensor(tuple(shape), str(dtype)) for name, (shape, dtype) in sides}
        return Interface(inputs, layers=frozenset(kept["layers"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # not what was kept


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
