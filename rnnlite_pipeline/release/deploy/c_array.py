"""The model as a C array, for programs without a file system; the array is packed with bzip2.

As text it is five times the model and would be most of a release. deflate, the method of a zip,
differs between builds of zlib; bzip2 gives the same bytes everywhere.
"""

from __future__ import annotations

import bz2

from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.text import written
from rnnlite_pipeline.release.digests import sha256

#: The number of bytes on a line.
LINE = 16

#: Each byte in C.
_NUMBERS = [f"0x{byte:02x}" for byte in range(256)]


def c_header(deployment: Deployment, content: bytes) -> str:
    """The declaration; C and C++."""
    return written("model.h", {"model": deployment, "sha256": sha256(content)})


def packed_c_source(deployment: Deployment, content: bytes) -> bytes:
    """The definition, C11, packed: `bunzip2` unpacks it."""
    lines = (
        ",".join([_NUMBERS[byte] for byte in content[i : i + LINE]])
        for i in range(0, len(content), LINE)
    )
    values = {"model": deployment, "sha256": sha256(content), "lines": lines}
    return bz2.compress(written("model.c", values).encode(), 9)
