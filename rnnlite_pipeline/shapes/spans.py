"""What a slice takes along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.graph.slicing import flags, is_plain
from rnnlite_pipeline.shapes.integers import Integers
from rnnlite_pipeline.shapes.linear import Linear


@dataclass(frozen=True)
class Span:
    """Items [start, stop) of `length` along one axis; the axis goes if `shrunk`."""

    start: Linear
    stop: Linear
    length: Linear
    shrunk: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it takes all there is, and keeps the axis."""
        return self.start == Linear() and self.stop == self.length and not self.shrunk

    @property
    def is_one(self) -> bool:
        """Whether it takes one item."""
        return self.stop - self.start == Linear(1)


def strided(
    options: dict[str, Any], lengths: Sequence[Linear], places: Sequence[Integers | None]
) -> list[Span] | None:
    """Those of STRIDED_SLICE.

    Args:
        options: The op's.
        lengths: Of each axis of what is sliced.
        places: Begins, ends and strides.

    Returns:
        A span for each axis; None where the places are data, or the strides are not 1.
    """
    begins, ends, strides = places
    if begins is None or ends is None or not is_plain(options):
        return None
    if strides is None or any(stride != Linear(1) for stride in strides):
        return None
    found = []
    for axis, length in enumerate(lengths):
        told = flags(options, axis)
        given = axis < len(begins)
        start = _position(begins[axis], length) if given and not told.from_first else Linear()
        stop = _position(ends[axis], length) if given and not told.to_last else length
        shrunk = given and told.drops
        found.append(Span(start, start + Linear(1) if shrunk else stop, length, shrunk))
    return found


def sized(lengths: Sequence[Linear], places: Sequence[Integers | None]) -> list[Span] | None:
    """Those of SLICE, whose places are begins and sizes; None where they are data."""
    begins, sizes = places
    if begins is None or sizes is None or not len(begins) == len(sizes) == len(lengths):
        return None
    return [
        Span(begin, length if size == Linear(-1) else begin + size, length)
        for begin, size, length in zip(begins, sizes, lengths, strict=True)
    ]


def _position(place: Linear, length: Linear) -> Linear:
    """A place counted from the end as one from the start, none beyond either end."""
    if place.is_constant and place.constant < 0:
        start = length + place
        return Linear() if start.is_constant and start.constant < 0 else start
    past = place - length
    return length if past.is_constant and past.constant > 0 else place
