"""Names of the leaves of nested results."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from rnnlite_pipeline.sources.graphdef.structure import named_leaves

Pair = namedtuple("Pair", ["h", "c"])  # a plain one, as users write it


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, {"output_0": 5}),
        ([5, (6, None)], {"output_0": 5, "output_1": 6}),
        ({"b": 1, "a": 2}, {"b": 1, "a": 2}),
        ({"a": [1, {"k": 2}], "n": None}, {"a/0": 1, "a/1/k": 2}),
        (Pair(1, [2, 3]), {"h": 1, "c/0": 2, "c/1": 3}),
        ([7, {"a": 8}, 9], {"output_0": 7, "a": 8, "output_1": 9}),
        ([1, {"output_0": 2}], {"output_0": 1, "output_0_1": 2}),
        ([{"a": 1}, {"a": 2}], {"a": 1, "a_1": 2}),
        (None, {}),
    ],
)
def test_leaves_are_named(value: Any, expected: dict[str, int]) -> None:
    """By keys and fields, else by number; in the author's order; no name twice."""
    assert list(named_leaves(value).items()) == list(expected.items())
