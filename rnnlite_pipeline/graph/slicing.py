"""STRIDED_SLICE, read and written.

Its operands are x and, for each of x's first axes, a begin, an end and a stride; the bits of its
masks say more of each axis. Axes without an entry are taken whole. A negative place counts from the
end. Source: LiteRT tflite/kernels/internal/strided_slice_logic.h.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

#: Options by which entries no longer stand for x's axes one by one.
_UNREAD = ("ellipsis_mask", "new_axis_mask", "offset")


@dataclass(frozen=True)
class Taken:
    """What is taken along one axis.

    Attributes:
        start: The first item.
        stop: The item behind the last one; None for all up to the end.
        stride: From one item to the next.
        drops: Whether the one item `start` is taken, and the axis goes.
    """

    start: int = 0
    stop: int | None = None
    stride: int = 1
    drops: bool = False

    def is_whole(self, length: int) -> bool:
        """Whether all items of an axis of this length, OPEN if not known, are taken in order."""
        to_end = self.stop is None or (length != OPEN and self.stop >= length)
        return self.start == 0 and to_end and self.stride == 1 and not self.drops


def is_plain(options: Mapping[str, Any]) -> bool:
    """Whether the entries stand for x's axes one by one."""
    return not any(options.get(key) for key in _UNREAD)


@dataclass(frozen=True)
class Flags:
    """What the masks say of one axis.

    Attributes:
        from_first: Whether begin is ignored: it starts at the first item.
        to_last: Whether end is ignored: it goes up to the last item.
        drops: Whether one item is taken, and the axis goes.
    """

    from_first: bool
    to_last: bool
    drops: bool


def flags(options: Mapping[str, Any], axis: int) -> Flags:
    """The bits of the masks for one axis."""
    masks = (options.get(f"{name}_mask", 0) for name in ("begin", "end", "shrink_axis"))
    return Flags(*(bool(mask >> axis & 1) for mask in masks))


def read(op: Op) -> list[Taken] | None:
    """What a STRIDED_SLICE takes along each axis of x.

    None for another op, where a place is computed, and where x's rank is not known.
    """
    if op.code != "STRIDED_SLICE" or op.inputs[0] is None or not is_plain(op.options):
        return None
    rank = None if op.inputs[0].shape is None else len(op.inputs[0].shape)
    begin, end, strides = (None if t is None else t.array for t in op.inputs[1:4])
    if rank is None or begin is None or end is None or strides is None or begin.size > rank:
        return None
    found = []
    for axis, (first, last, stride) in enumerate(zip(begin, end, strides, strict=True)):
        told = flags(op.options, axis)
        start = 0 if told.from_first else int(first)
        stop = None if told.to_last or told.drops else int(last)
        found.append(Taken(start, stop, int(stride), told.drops))
    return [*found, *[Taken()] * (rank - len(found))]


def read_step(op: Op) -> tuple[int, int] | None:
    """(axis, index) of a STRIDED_SLICE that takes one item of one axis and drops that axis."""
    taken, shape = read(op), op.inputs[0].shape if op.inputs and op.inputs[0] else None
    if taken is None or shape is None:
        return None
    others = [k for k, each in enumerate(taken) if not each.is_whole(shape[k])]
    if len(others) != 1 or not taken[others[0]].drops or taken[others[0]].stride != 1:
        return None
    return others[0], taken[others[0]].start


def source_axis(op: Op, axis: int, entries: int) -> tuple[int, bool] | None:
    """The axis of x that an axis of the result is, and whether the masks say that it is whole.

    Args:
        op: A STRIDED_SLICE, whose places may be computed.
        axis: Of the result.
        entries: How many axes have an entry; OPEN if that is not known.
    """
    shape = op.inputs[0].shape if op.inputs[0] is not None else None
    if shape is None or op.options.get("ellipsis_mask") or op.options.get("new_axis_mask"):
        return None
    kept = [a for a in range(len(shape)) if not flags(op.options, a).drops]
    told = flags(op.options, kept[axis])
    behind = entries != OPEN and entries <= kept[axis]
    strides = op.inputs[3].array if op.inputs[3] is not None else None
    by_one = strides is not None and kept[axis] < strides.size and strides[kept[axis]] == 1
    return kept[axis], behind or (told.from_first and told.to_last and bool(by_one))


@dataclass(frozen=True)
class Written:
    """A STRIDED_SLICE that takes a part of one axis.

    Attributes:
        places: Begins, ends and strides.
        options: The masks.
        shape: Of the result; None where x's is not known.
    """

    places: tuple[list[int], list[int], list[int]]
    options: dict[str, int]
    shape: tuple[int, ...] | None


def written(x: Tensor, axis: int, taken: Taken, entries: int | None = None) -> Written:
    """How a part of one axis is written.

    Args:
        x: What it is taken of.
        axis: Not negative.
        taken: The items, by stride 1.
        entries: How many axes get an entry; all where None.
    """
    rank = entries or len(x.shape or ())
    begin, end = [0] * rank, [0] * rank
    begin[axis] = taken.start
    end[axis] = taken.start + 1 if taken.drops and taken.stop is None else taken.stop or 0
    others = (1 << rank) - 1 & ~(1 << axis)
    to_end = 0 if taken.stop is not None or taken.drops else 1 << axis
    options = {"begin_mask": others, "end_mask": others | to_end}
    if taken.drops:
        options["shrink_axis_mask"] = 1 << axis
    return Written((begin, end, [1] * rank), options, _shape(x.shape, axis, taken))


def _shape(shape: Sequence[int] | None, axis: int, taken: Taken) -> tuple[int, ...] | None:
    if shape is None:
        return None
    if taken.drops:
        return (*shape[:axis], *shape[axis + 1 :])
    start, length = taken.start, shape[axis]
    stop = 0 if taken.stop is None else taken.stop
    stop_from_end = taken.stop is None or stop < 0
    if (start < 0) == stop_from_end:
        size = stop - start
    elif length == OPEN:
        size = OPEN
    else:
        size = stop - start + (length if stop_from_end else -length)
    return (*shape[:axis], size, *shape[axis + 1 :])
