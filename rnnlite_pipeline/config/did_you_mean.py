"""Suggestions for a misspelled name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """One sentence with the nearest known name, or with all of them.

    >>> did_you_mean("vaildate", ["validate", "verify"])
    'Did you mean validate?'
    """
    names = sorted(known)
    if near := get_close_matches(word, names, n=1):
        return f"Did you mean {near[0]}?"
    return f"There are {', '.join(names)}." if names else ""
