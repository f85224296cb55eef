"""Nested results of a function, and the names a SavedModel would give their leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rnnlite_pipeline.sources.model import unique


def named_leaves(value: Any) -> dict[str, Any]:
    """The leaves of dicts, lists and tuples in their author's order, by name.

    A leaf of a dict has its key, nested ones joined by "/"; a field of a named tuple its name;
    what has neither is output_0, output_1, ... None is no leaf.
    """
    pairs = list(_leaves(value, ""))
    plain = iter(range(len(pairs)))
    names = [path or f"output_{next(plain)}" for path, _ in pairs]
    return dict(zip(unique(names), (leaf for _, leaf in pairs), strict=True))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, _join(path, str(key)))
    elif hasattr(value, "_fields"):
        for key in value._fields:
            yield from _leaves(getattr(value, key), _join(path, key))
    elif isinstance(value, (list, tuple)):
        for position, each in enumerate(value):
            yield from _leaves(each, _join(path, str(position)) if path else "")
    elif value is not None:
        yield path, value


def _join(path: str, key: str) -> str:
    return f"{path}/{key}" if path else key
