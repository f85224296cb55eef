"""The cells that have a name, found in the files of this room."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TypeVar

import rnnlite_pipeline.cells as room
from rnnlite_pipeline.algebra.patterns import Pattern, Patterns, Unknown, check, read

if TYPE_CHECKING:
    from rnnlite_pipeline.cells.named import NamedCell

C = TypeVar("C", bound="type[NamedCell]")

#: Every cell that is registered, by its name, in the order it was.
CELLS: dict[str, type[NamedCell]] = {}


def register(cell: C) -> C:
    """Makes recognition look for a cell; for use as a decorator.

    Raises:
        ValueError: Another cell has the name, or its step is none that can be looked for.
    """
    for template in cell.unknown():
        for _, pattern, _ in patterns_of(template):
            check(pattern)
    if CELLS.setdefault(cell.kind, cell) is not cell:
        raise ValueError(f"two cells are called {cell.kind}")
    return cell


def cells() -> tuple[type[NamedCell], ...]:
    """Every registered cell: those that have a fused op first, then those with fewer weights.

    So the cell that says most is found first: a GRU whose gates are one is a minimal gated unit.
    """
    _load()
    return tuple(sorted(CELLS.values(), key=lambda c: (not c.fused, _size(next(c.unknown())))))


def patterns_of(template: NamedCell) -> list[tuple[int, Pattern, str]]:
    """What each state of a cell becomes: its number, the pattern, what a sentence calls it."""
    patterns = Patterns()
    states = (read(k, name) for k, name in enumerate(template.letters))
    template.over(patterns, read(None, "x"), *states)
    return patterns.updates


def _size(template: object) -> int:
    """How many weights a cell has."""
    if isinstance(template, Unknown):
        return 1
    parts = fields(template) if is_dataclass(template) else ()
    return sum(_size(getattr(template, part.name)) for part in parts)


@cache
def _load() -> None:
    for module in iter_modules(room.__path__):
        import_module(f"{room.__name__}.{module.name}")
