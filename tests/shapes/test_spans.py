"""Slices of symbolic lengths, held to what NumPy takes where the lengths are numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.shapes.linear import Linear
from rnnlite_pipeline.shapes.spans import Span, sized, strided

T = Linear.symbol("T")
ONES = (Linear(1),)


def of(*numbers: int) -> tuple[Linear, ...]:
    """Numbers that are known."""
    return tuple(map(Linear, numbers))


def only(spans: list[Span] | None) -> Span:
    """The span of the one axis."""
    assert spans is not None
    (span,) = spans
    return span


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 4), st.integers(-7, 7), st.integers(-7, 7), st.integers(0, 3))
def test_a_strided_slice_takes_what_numpy_takes(
    length: int, begin: int, end: int, masks: int
) -> None:
    """Places beyond either end, from the end, or ignored by a mask: the items are the same."""
    options = {"begin_mask": masks & 1, "end_mask": masks >> 1}
    span = only(strided(options, of(length), [of(begin), of(end), ONES]))
    first, last = None if masks & 1 else begin, None if masks >> 1 else end
    items = range(length)[first:last]
    assert range(span.start.constant, span.stop.constant) == items
    assert span.is_one == (len(items) == 1)
    if length:
        assert span.is_whole == (len(items) == length)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.data())
def test_a_slice_takes_a_number_of_items(length: int, data: st.DataObject) -> None:
    """SLICE has a begin and a size; the size -1 is all up to the end."""
    begin = data.draw(st.integers(0, length))
    size = data.draw(st.integers(-1, length - begin))
    span = only(sized(of(length), [of(begin), of(size)]))
    items = range(begin, length if size == -1 else begin + size)
    assert range(span.start.constant, span.stop.constant) == items
    assert span.is_whole == (len(items) == length)


def test_places_from_the_end_of_a_length_that_is_not_known() -> None:
    """x[-1:] of T items is one, the last; x[:T] is all of them."""
    last = only(strided({"end_mask": 1}, [T], [of(-1), of(0), ONES]))
    assert (last.start, last.stop) == (T - Linear(1), T)
    assert last.is_one
    assert not last.is_whole
    assert only(strided({}, [T], [of(0), (T,), ONES])).is_whole
    assert only(strided({}, [T], [of(0), (T + Linear(2),), ONES])).is_whole
    assert not only(strided({}, [T], [of(0), (T - Linear(1),), ONES])).is_whole


def test_a_dropped_axis_is_one_item() -> None:
    """x[t] takes the item t, whatever its end says, and is never whole."""
    span = only(strided({"shrink_axis_mask": 1}, of(1), [of(0), of(9), ONES]))
    assert span == Span(Linear(), Linear(1), Linear(1), shrunk=True)
    assert span.is_one
    assert not span.is_whole


def test_axes_without_an_entry_are_taken_whole() -> None:
    """Fewer places than axes: the last axes are not cut."""
    spans = strided({}, [T, *of(4)], [of(2), of(3), ONES])
    assert spans is not None
    assert [span.is_whole for span in spans] == [False, True]


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({}, [None, of(1), ONES]),
        ({}, [of(0), None, ONES]),
        ({}, [of(0), of(1), None]),
        ({}, [of(0), of(1), of(2)]),
        ({}, [of(0), of(1), of(-1)]),
        ({"ellipsis_mask": 1}, [of(0), of(1), ONES]),
        ({"new_axis_mask": 1}, [of(0), of(1), ONES]),
    ],
)
def test_what_is_not_read(options: dict[str, Any], places: list[Any]) -> None:
    """Places that are data, other strides, and masks that move the axes."""
    assert strided(options, [T], places) is None


def test_a_slice_whose_places_are_data_is_not_read() -> None:
    """Nor one whose places do not fit its axes."""
    assert sized([T], [None, of(1)]) is None
    assert sized([T], [of(0), None]) is None
    assert sized([T, T], [of(0), of(1)]) is None
