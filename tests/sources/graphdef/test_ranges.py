"""Whole numbers that a source takes are found by asking it."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.ranges import STEPS, with_ranges
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec


def _source(lowest: int, highest: int, steps: int | None = None, **known: range) -> SourceModel:
    """A source of a sequence and one number for each of its entries, or for each of its steps."""

    def run(arrays: Any) -> Any:
        if not lowest <= arrays["n"].min() <= arrays["n"].max() <= highest:
            raise IndexError
        if arrays["n"].shape[0] != arrays["x"].shape[0]:
            raise ValueError
        return {}

    inputs = (
        TensorSpec("x", "float32", (None, steps, 3)),
        TensorSpec("n", "int32", (None,)),
    )
    return SourceModel(inputs, (), lambda: None, run, limits=known, content=b"")


@pytest.mark.parametrize(
    ("lowest", "highest", "steps", "taken"),
    [
        (0, 100, None, range(STEPS + 1)),
        (1, 100, None, range(1, STEPS + 1)),
        (0, 9, 9, range(10)),
        (1, 9, 9, range(1, 10)),
        (0, 3, None, range(2)),
        (1, 3, None, range(1, 2)),
    ],
)
def test_ranges(lowest: int, highest: int, steps: int | None, taken: range) -> None:
    """Lengths up to all steps are found, from 0 or from 1; and indices of a small table."""
    assert with_ranges(_source(lowest, highest, steps)).limits == {"n": taken}


def test_numbers_of_each_step() -> None:
    """A sequence may be time-major."""
    source = _source(0, 100)
    n = TensorSpec("n", "int32", (STEPS,))
    x = TensorSpec("x", "float32", (None, None, 3))
    found = with_ranges(SourceModel((x, n), (), lambda: None, source.run, content=b""))
    assert found.limits == {"n": range(STEPS + 1)}


@pytest.mark.parametrize(("lowest", "known"), [(50, {}), (1, {"n": range(2)})])
def test_ranges_left_alone(lowest: int, known: dict[str, Any]) -> None:
    """A source that takes none of those tried, or says which it takes, is left as it is."""
    source = _source(lowest, 100, **known)
    assert with_ranges(source) is source


def test_sources_are_asked_for_whole_numbers_alone() -> None:
    """A source of floats is not run to find out."""

    def run(_: Any) -> Any:
        raise SourceError("ran", "")

    x = TensorSpec("x", "float32", (None, 3))
    source = SourceModel((x,), (), lambda: None, run, content=b"")
    assert with_ranges(source) is source
