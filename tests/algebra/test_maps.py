"""The laws of linear maps, against the matrices they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.maps import Map, digest, hashed, simplest

Array = NDArray[Any]
check = settings(max_examples=40, deadline=None)


@st.composite
def matrices(draw: st.DrawFn, rows: int, columns: int) -> Array:
    """Small matrices of few numbers, zeros and ones among them."""
    few = st.sampled_from([0.0, 1.0, -1.0, 0.5, 3.0])
    values = draw(st.lists(few, min_size=rows * columns, max_size=rows * columns))
    return np.array(values).reshape(rows, columns)


@st.composite
def maps(draw: st.DrawFn, width: int, out: int) -> Map:
    """A map of an atom of `width` to `out` columns: a matrix, or elementwise where it can be."""
    elementwise = width in (1, out) and draw(st.booleans())
    return Map(draw(matrices(1, out))[0] if elementwise else draw(matrices(width, out)))


@st.composite
def widths(draw: st.DrawFn) -> tuple[int, int]:
    """The widths of an atom and of a form."""
    return draw(st.integers(1, 3)), draw(st.integers(1, 3))


@check
@given(widths(), st.data())
def test_sums(sizes: tuple[int, int], data: st.DataObject) -> None:
    """The sum of two maps is the sum of their matrices, whichever of them is elementwise."""
    width, out = sizes
    a, b = data.draw(maps(width, out)), data.draw(maps(width, out))
    total = a.plus(b, width)
    np.testing.assert_array_equal(total.dense(width), a.dense(width) + b.dense(width))
    assert total.width == out
    assert total.diagonal == (a.diagonal and b.diagonal)


@check
@given(widths(), st.data())
def test_one_map_after_the_other(sizes: tuple[int, int], data: st.DataObject) -> None:
    """A map followed by a matrix is the product; followed by a factor, its columns scaled."""
    width, out = sizes
    first, matrix = data.draw(maps(width, out)), data.draw(matrices(out, 2))
    np.testing.assert_array_equal(
        first.then(matrix, width).dense(width), first.dense(width) @ matrix
    )
    factor = data.draw(matrices(1, out))[0]
    np.testing.assert_array_equal(
        first.scaled(factor).dense(width), first.dense(width) @ np.diag(factor)
    )


@check
@given(widths(), st.data())
def test_the_simplest_form_is_the_same_map(sizes: tuple[int, int], data: st.DataObject) -> None:
    """A square matrix without anything beside its diagonal becomes a diagonal; no other does."""
    width, out = sizes
    linear = data.draw(maps(width, out))
    simple = simplest(linear)
    np.testing.assert_array_equal(simple.dense(width), linear.dense(width))
    dense = linear.dense(width)
    if width == out:
        assert simple.diagonal == (not np.any(dense - np.diag(np.diagonal(dense))))


@check
@given(st.data())
def test_applied_one_after_the_other(data: st.DataObject) -> None:
    """On numbers: an atom's columns through the map and then the matrix, or through both at once.

    An elementwise map takes an atom of one column to every column.
    """
    linear, matrix = data.draw(maps(1, 3)), data.draw(matrices(3, 2))
    atom = np.array([[2.0], [-3.0]])
    through = atom * linear.values if linear.diagonal else atom @ linear.values
    both = linear.then(matrix, 1)
    np.testing.assert_allclose(atom @ both.dense(1), through @ matrix)


def test_only_ones_pass_an_atom_on() -> None:
    """A matrix is no identity map by itself: `simplest` makes it one first."""
    assert Map(np.ones(3)).is_identity
    assert not Map(np.array([1.0, 1.0, 2.0])).is_identity
    assert not Map(np.eye(3)).is_identity
    assert simplest(Map(np.eye(3))).is_identity


@pytest.mark.parametrize(
    "other", [np.zeros((2, 3)), np.arange(6.0).reshape(3, 2), np.arange(6.0) + 1e-12]
)
def test_digests_tell_shapes_and_numbers_apart(other: Array) -> None:
    """The same numbers in another shape are another matrix."""
    matrix = np.arange(6.0).reshape(2, 3)
    assert digest(other) != digest(matrix)
    assert digest(np.asfortranarray(matrix)) == digest(matrix.copy())
    assert Map(matrix).key == Map(matrix.copy()).key


def test_a_hash_is_short_and_of_the_text() -> None:
    """So that the key of a deep form does not grow with it."""
    assert len(hashed("a" * 10_000)) == len(hashed("")) == 24
    assert hashed("a") != hashed("b")
