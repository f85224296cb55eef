"""Where two contents differ."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.diff.contents import Contents
from rnnlite_pipeline.errors import CallError

#: By section and key, the old and the new value; null for nothing.
Differences = dict[str, dict[str, dict[str, Any]]]


def compare(first: Contents, second: Contents) -> Differences:
    """The keys whose values differ, by section; a section without differences is empty.

    Raises:
        CallError: They have no section in common.
    """
    common = [section for section in first if section in second]
    if not common:
        raise CallError(
            "The two have nothing in common that could be compared.",
            "Give two releases, two models, two configs, or a release and one of its parts.",
        )
    return {section: _section(first[section], second[section]) for section in common}


def _section(first: dict[str, Any], second: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        key: {"from": first.get(key), "to": second.get(key)}
        for key in sorted({*first, *second})
        if first.get(key) != second.get(key)
    }
