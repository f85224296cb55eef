"""A source that takes one entry alone is found by running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rnnlite_pipeline.sources.batch import LENGTH, pins_of_one
from rnnlite_pipeline.sources.model import Array, Shape, SourceModel, TensorSpec

Check = Callable[[Mapping[str, Array]], bool]


def source(takes: Check, *specs: TensorSpec, **more: Any) -> SourceModel:
    """A source that runs on what passes the check."""

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        if not takes(arrays):
            raise ValueError("cannot reshape to [1, 3]\nand more")
        return {}

    return SourceModel(specs, (), lambda: None, run, **more)


def spec(name: str, *shape: int | None, dtype: str = "float32") -> TensorSpec:
    """An input."""
    return TensorSpec(name, dtype, shape)


@pytest.mark.parametrize(
    ("shape", "axis", "closed"),
    [
        ((None, 3), 0, (1, 3)),
        ((None, None, 3), 0, (1, None, 3)),
        ((None, None, 3), 1, (None, 1, 3)),
        ((5, None), 1, (5, 1)),
    ],
)
def test_the_batch_is_closed(shape: Shape, axis: int, closed: Shape) -> None:
    """The first or the second axis, with what the source said in one line."""
    one = source(lambda arrays: arrays["x"].shape[axis] == 1, spec("x", *shape))
    assert pins_of_one(one) == ({"x": closed}, "cannot reshape to [1, 3]")


def test_all_inputs_are_closed_together() -> None:
    """Those that have the axis open; a fixed one and a scalar stay as they are."""

    def takes(arrays: Mapping[str, Array]) -> bool:
        return len(arrays["x"]) == len(arrays["h"]) == 1

    specs = spec("x", None, None), spec("h", None, 2), spec("w", 4, 2), spec("n", dtype="int32")
    assert pins_of_one(source(takes, *specs))[0] == {
        "x": (1, None), "h": (1, 2), "w": (4, 2), "n": ()
    }  # fmt: skip


def test_a_source_that_takes_any_batch() -> None:
    """Nothing is closed, and it is run once."""
    runs: list[Mapping[str, Array]] = []

    def takes(arrays: Mapping[str, Array]) -> bool:
        runs.append(arrays)
        return True

    several = source(takes, spec("x", None, 3))
    assert pins_of_one(several) == ({}, "")
    assert [arrays["x"].shape for arrays in runs] == [(LENGTH, 3)]


def test_another_reason() -> None:
    """A source that does not run on one entry either is left as it is."""
    assert pins_of_one(source(lambda _: False, spec("x", None, None))) == ({}, "")
    longer = source(lambda arrays: arrays["x"].shape[2] > LENGTH, spec("x", None, 3, None))
    assert pins_of_one(longer) == ({}, "")


def test_nothing_open() -> None:
    """A source of fixed shapes is not run."""
    assert pins_of_one(source(lambda _: 1 / 0 > 0, spec("x", 2, 3))) == ({}, "")
    assert pins_of_one(source(lambda _: 1 / 0 > 0)) == ({}, "")


def test_numbers_are_those_that_the_source_takes() -> None:
    """Indices are within their limits, floats too where they are indices; others are 0 and 1."""
    seen: dict[str, Array] = {}
    specs = (
        spec("x", None),
        spec("n", None, dtype="int64"),
        spec("f", None),
        spec("b", 99, dtype="bool"),
    )
    limits = {"n": range(5, 7), "f": range(1, 2)}

    def takes(arrays: Mapping[str, Array]) -> bool:
        seen.update(arrays)
        return True

    pins_of_one(source(takes, *specs, limits=limits))
    assert {name: a.dtype.name for name, a in seen.items()} == {s.name: s.dtype for s in specs}
    assert set(seen["n"]) == {5, 6}
    assert set(seen["f"]) == {1.0}
    assert set(seen["b"]) == {False, True}
    assert seen["x"].std() > 0.1
