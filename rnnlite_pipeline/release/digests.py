"""Digests and JSON, always in the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def json_bytes(value: object) -> bytes:
    """A JSON value as a file: keys sorted, one entry a line, UTF-8, a line break at the end."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def sums(files: Mapping[str, bytes]) -> bytes:
    """The files as `sha256sum --check` reads them, sorted by name."""
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode()
