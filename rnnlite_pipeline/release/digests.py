"""Digests and JSON, always in the same bytes; a JSON value as one line for each leaf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def json_bytes(value: object) -> bytes:
    """A JSON value as a file: keys sorted, one entry a line, UTF-8, a line break at the end."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def sums(files: Mapping[str, bytes]) -> bytes:
    """The files as `sha256sum --check` reads them, sorted by name."""
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode()


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """The leaves of a JSON value by dotted key; items with a name under that name."""
    if isinstance(value, Mapping):
        parts = [(f"{place}.{key}" if place else str(key), value[key]) for key in value]
    elif isinstance(value, list | tuple):
        names = [each.get("name") if isinstance(each, Mapping) else None for each in value]
        named = all(names) and len(set(names)) == len(names)
        keys = names if named else range(len(value))
        parts = [(f"{place}[{key}]", each) for key, each in zip(keys, value, strict=True)]
    else:
        return {place: value}
    return {key: leaf for where, part in parts for key, leaf in flat(part, where).items()}
