"""Parts of the verification data: how they are written, named and cut."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.config.part import Part


@given(st.integers(0, 200), st.integers(1, 70))
def test_parts_have_everything_once(length: int, count: int) -> None:
    """The parts of any number of things have each of them once and in order."""
    things = range(length)
    parts = [things[Part(number, count).within(length)] for number in range(count)]
    assert [*chain(*parts)] == [*things]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("number", "said", "called"), [(0, "1/4", "001-of-004"), (3, "4/4", "004-of-004")]
)
def test_a_part_is_read_as_it_was_written(number: int, said: str, called: str) -> None:
    """People count from 1; the command line of a stage is read back; files sort by number."""
    part = Part(number, 4)
    assert (str(part), part.called) == (said, called)
    assert Part.of(said) == part
