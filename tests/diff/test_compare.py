"""Where two contents differ."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.diff.compare import compare
from rnnlite_pipeline.errors import CallError


def test_the_keys_that_differ_by_section() -> None:
    """In the sections that both have; changed, added and removed, sorted; equal ones left out."""
    first = {"ops": {"b": 1, "a": 2, "gone": 3}, "size": {"model": 5}, "lock": {"x": 1}}
    second = {"size": {"model": 5}, "ops": {"b": 2, "a": 2, "come": 0}}
    assert compare(first, second) == {
        "ops": {
            "b": {"from": 1, "to": 2},
            "come": {"from": None, "to": 0},
            "gone": {"from": 3, "to": None},
        },
        "size": {},
    }
    assert list(compare(first, second)["ops"]) == ["b", "come", "gone"]


def test_two_files_of_different_kinds() -> None:
    """Nothing in common is an error of the call, not an empty difference."""
    with pytest.raises(CallError, match="nothing in common") as raised:
        compare({"config": {}}, {"ops": {}})
    assert "two releases, two models" in raised.value.remedy
