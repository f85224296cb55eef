"""Differences as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.diff.text import as_text

A, B = Path("a.zip"), Path("b.zip")


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (None, 5, "+ k: 5"),
        (5, None, "- k: 5"),
        (1000, 1500, "k: 1,000 -> 1,500 (+50.0 %)"),
        (0.5, 0.25, "k: 0.5 -> 0.25 (-50.0 %)"),
        (0, 5, "k: 0 -> 5"),
        (True, False, "k: true -> false"),
        (1, "one", "k: 1 -> one"),
        ("a" * 64, "b" * 64, f"k: {'a' * 12}... -> {'b' * 12}..."),
        ("a" * 63, "b", f"k: {'a' * 63} -> b"),
        (0.5, float("inf"), "k: 0.5 -> inf"),
        (float("inf"), 0.5, "k: inf -> 0.5"),
    ],
)
def test_a_line_for_each_change(before: object, after: object, line: str) -> None:
    """By how much a number changed, where that is a number; digests are cut."""
    shown = as_text(A, B, {"ops": {"k": {"from": before, "to": after}}})
    assert shown == f"a.zip -> b.zip\n\nops\n  {line}\n"


def test_sections_without_changes_are_named_together() -> None:
    """Behind those that have some; where none has, that is all."""
    changed = {"x": {"from": 1, "to": "y"}}
    shown = as_text(A, B, {"ops": {}, "size": changed, "lock": {}})
    assert shown.endswith("\nsize\n  x: 1 -> y\n\nthe same: ops, lock\n")
    assert as_text(A, B, {"ops": {}, "size": {}}) == "a.zip -> b.zip\nno difference in ops, size\n"
