"""Arrays from one process to another: each message is an .npz behind its length in 8 bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

#: Stands before each name: savez has parameters of its own, such as `file`.
_PREFIX = "array/"


def send(pipe: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes one message."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {_PREFIX + name: array for name, array in arrays.items()}
    np.savez(buffer, **named)
    content = buffer.getvalue()
    pipe.write(len(content).to_bytes(8, "little") + content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> dict[str, NDArray[Any]] | None:
    """The next message; None where the other end is closed."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    body = pipe.read(int.from_bytes(head, "little"))
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return {name.removeprefix(_PREFIX): file[name] for name in file.files}
