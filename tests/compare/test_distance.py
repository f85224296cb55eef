"""How far apart is too far: errors, scales, and what has no tolerance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnlite_pipeline.compare.distance import ROUNDINGS, Difference, compare, identical

F = np.float32


def test_the_error_is_the_largest_difference() -> None:
    """One wrong value among many counts as much as if all were wrong."""
    source = np.zeros((3, 4), F)
    converted = source.copy()
    converted[2, 1] = -0.25
    assert compare(source, converted) == Difference(0.25, 1.0)


@pytest.mark.parametrize(("largest", "limit"), [(0.001, 1e-5), (1.0, 1e-5), (400.0, 4e-3)])
def test_the_limit_follows_the_scale_upwards_only(largest: float, limit: float) -> None:
    """The tolerance is what the config states, and relative above 1."""
    source = np.array([largest, 0.0], np.float64)
    assert compare(source, source).limit(1e-5) == pytest.approx(limit)


def test_rounding_widens_the_limit() -> None:
    """What one rounding of the input does to the source is allowed to the model some times."""
    assert Difference(0.0, 1.0).limit(1e-5, 1e-3) == pytest.approx(1e-5 + ROUNDINGS * 1e-3)


@pytest.mark.parametrize("dtype", [np.int32, np.bool_])
def test_integers_must_be_equal(dtype: type[np.generic]) -> None:
    """An integer or boolean output has no tolerance, however large it is allowed to be."""
    source = np.array([0, 1, 1]).astype(dtype)
    assert compare(source, source).limit(10.0) == 0.0
    found = compare(source, np.array([0, 1, 0]).astype(dtype))
    assert found.error > found.limit(10.0, 10.0)


@pytest.mark.parametrize(
    ("source", "converted"),
    [
        ([1.0, 2.0], [1.0, math.nan]),
        ([1.0, math.nan], [1.0, 2.0]),
        ([math.inf], [-math.inf]),
        ([1.0], [math.inf]),
        ([1.0, 2.0], [1.0]),
    ],
)
def test_what_is_no_number_on_one_side_alone_fails(
    source: list[float], converted: list[float]
) -> None:
    """NaN, infinities and shapes have to be the source's; no tolerance covers them."""
    found = compare(np.array(source, F), np.array(converted, F))
    assert math.isinf(found.error)
    assert found.what


def test_nan_and_infinity_of_the_source_are_right() -> None:
    """Where the source has them, the model must, and the rest is compared."""
    source = np.array([math.nan, math.inf, -math.inf, 1.0], F)
    converted = source.copy()
    converted[3] = 1.5
    assert compare(source, source).error == 0
    assert compare(source, converted).error == 0.5


def test_another_kind_of_dtype_fails() -> None:
    """An integer output in place of a float one is another interface."""
    assert "dtype" in compare(np.zeros(2, F), np.zeros(2, np.int32)).what
    assert "dtype" in compare(np.zeros(2, np.int32), np.zeros(2, F)).what


def test_the_worse_of_two_is_kept() -> None:
    """A case of several calls is as wrong as its worst one."""
    assert (Difference(0.1, 5.0) | Difference(0.3, 1.0, "x")) == Difference(0.3, 5.0, "x")


def test_identical_means_every_bit() -> None:
    """Zero and minus zero are equal numbers, and different bits; NaN is itself."""
    assert identical(np.array([math.nan], F), np.array([math.nan], F))
    assert not identical(np.array([0.0], F), np.array([-0.0], F))
    assert not identical(np.zeros(2, F), np.zeros((2, 1), F))
