"""A JSON value as one line a leaf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
