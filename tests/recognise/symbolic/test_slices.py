"""Slices of sequences, rows, constants and lists."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.symbolic import slices
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Frames,
    Index,
    Item,
    PerRow,
    Piece,
    Rows,
    Sequence,
    TensorList,
    Unreadable,
    Value,
)
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Counter, Linear
from rnnlite_pipeline.shapes.spans import Span
from tests.recognise.tensors import row, shown, tensor

COUNT = Linear.symbol(Counter(1))
ONE = Linear(1)
STEPS = Sequence(4, tensor(5, 2, 3))
NUMBERS = Sequence(4, tensor(2, 5))


class Told(Extents):
    """The run-time integers of a graph whose slices are these."""

    def __init__(self, spans: list[Span] | None) -> None:
        super().__init__(Subgraph("g"))
        self.given = spans

    def spans(self, _op: Op) -> list[Span] | None:
        """What every slice takes."""
        return self.given


def all_of(length: int) -> Span:
    """A whole axis."""
    return Span(Linear(), Linear(length), Linear(length))


def some(start: int | Linear, stop: int | Linear, length: int, *, shrunk: bool = False) -> Span:
    """A part of an axis."""
    first, end = (e if isinstance(e, Linear) else Linear(e) for e in (start, stop))
    return Span(first, end, Linear(length), shrunk)


def sliced(value: Value, spans: list[Span] | None, output: Tensor) -> Value:
    """STRIDED_SLICE."""
    op = make_op("STRIDED_SLICE", [tensor(1)], [output])
    return slices.sliced(op, [value], Told(spans))[0]


def name(value: Value) -> Item:
    """The step of a sequence that a value is."""
    assert isinstance(value, Rows | PerRow)
    (symbol,) = value.form.symbols()
    assert isinstance(symbol.name, Item)
    return symbol.name


def test_a_gather_takes_one_step() -> None:
    """The step has the sequence, the axis and the position in its name."""
    op = make_op("GATHER", [tensor(2, 5, 3), tensor(dtype="INT32")], [tensor(2, 3)], axis=1)
    (found,) = slices.gathered(op, [STEPS, Index(COUNT * -1 + Linear(4))])
    assert name(found) == Item(4, 1, COUNT * -1 + Linear(4))
    assert isinstance(found, Rows)
    assert found.form.width == 3


def test_a_gather_of_no_sequence_is_a_table() -> None:
    """It is refused, and so is a step of four axes or along the features."""
    op = make_op("GATHER", [tensor(5, 3), tensor(dtype="INT32")], [tensor(3)])
    with pytest.raises(Unreadable, match="table"):
        slices.gathered(op, [Const(np.ones((5, 3))), Index(COUNT)])
    last = make_op("GATHER", [tensor(5, 2, 3), tensor(dtype="INT32")], [tensor(5, 2)], axis=2)
    with pytest.raises(Unreadable, match="rank 3"):
        slices.gathered(last, [STEPS, Index(COUNT)])
    four = make_op("GATHER", [tensor(5, 2, 3, 1), tensor(dtype="INT32")], [tensor(2, 3, 1)])
    with pytest.raises(Unreadable, match="rank 4"):
        slices.gathered(four, [Sequence(4, tensor(5, 2, 3, 1)), Index(COUNT)])


def test_a_step_is_one_number_for_each_entry() -> None:
    """[B] where the axis goes, a row of one column where it stays."""
    spans = [all_of(2), some(COUNT, COUNT + ONE, 5)]
    gone, kept = (sliced(NUMBERS, spans, t) for t in (tensor(2), tensor(2, 1)))
    assert isinstance(gone, PerRow)
    assert isinstance(kept, Rows)
    assert name(gone) == name(kept) == Item(4, 1, COUNT)
    with pytest.raises(Unreadable, match="along the batch"):
        sliced(NUMBERS, [some(COUNT, COUNT + ONE, 2), all_of(5)], tensor(1, 5))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_slice_of_one_step(axis: int) -> None:
    """Along the axis of time, whichever of the first two it is."""
    spans = [all_of(5), all_of(5), all_of(3)]
    spans[axis] = some(COUNT, COUNT + ONE, 5, shrunk=True)
    assert name(sliced(STEPS, spans, tensor(2, 3))) == Item(4, axis, COUNT)


def test_some_steps_are_frames() -> None:
    """As many as are known, of [B, T, F] alone."""
    several = some(COUNT, COUNT + Linear(2), 5)
    found = sliced(STEPS, [all_of(2), several, all_of(3)], tensor(2, 2, 3))
    assert isinstance(found, Frames)
    assert [name(Rows(f)) for f in found.forms] == [Item(4, 1, COUNT), Item(4, 1, COUNT + ONE)]
    unknown = some(COUNT, Linear.symbol("T"), 5)
    for spans in ([several, all_of(2), all_of(3)], [all_of(2), unknown, all_of(3)]):
        with pytest.raises(Unreadable, match="other than one step"):
            sliced(STEPS, spans, tensor(2, 2, 3))


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([all_of(5), all_of(2), some(0, 1, 3)], "part of the sequence's features"),
        ([some(0, 1, 5), some(0, 1, 2), all_of(3)], "other than one step"),
        ([all_of(5), all_of(2), all_of(3)], "other than one step"),
        (None, "in a way that is not read"),
        ([], "in a way that is not read"),
    ],
)
def test_other_slices_of_a_sequence_are_refused(spans: list[Span] | None, why: str) -> None:
    """Features, two axes, all of it, and places that are not known."""
    with pytest.raises(Unreadable, match=why):
        sliced(STEPS, spans, tensor(2, 3))


def test_a_step_of_unknown_width_is_refused() -> None:
    """The width is part of a row."""
    spans = [some(COUNT, COUNT + ONE, 5, shrunk=True), all_of(2), all_of(3)]
    with pytest.raises(Unreadable):
        sliced(STEPS, spans, tensor(2, OPEN))


def test_columns_of_a_row_and_of_a_constant() -> None:
    """The last axis alone."""
    spans = [all_of(2), some(1, 3, 4)]
    found = sliced(row("x", 4), spans, tensor(2, 2))
    assert isinstance(found, Rows)
    assert [s.key for s in found.form.symbols()] == ["x[1:3]"]
    constant = sliced(Const(np.arange(8).reshape(2, 4)), spans, tensor(2, 2))
    assert isinstance(constant, Const)
    assert constant.array.tolist() == [[1, 2], [5, 6]]


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([all_of(2), some(1, 2, 4, shrunk=True)], "one feature alone"),
        ([some(0, 1, 2), some(1, 3, 4)], "along the batch"),
        ([all_of(2), some(COUNT, COUNT + ONE, 4)], "in a way that is not read"),
    ],
)
def test_other_slices_of_a_row_are_refused(spans: list[Span], why: str) -> None:
    """One feature, a part of the batch, a place that moves."""
    with pytest.raises(Unreadable, match=why):
        sliced(row("x", 4), spans, tensor(2, 2))


def test_a_sequence_that_is_a_row_is_cut_into_columns() -> None:
    """Where the places do not move it is read as the row; where they move, step by step."""
    held = Sequence(4, tensor(2, 5), forms.symbol("k4", 5))
    still = sliced(held, [all_of(2), some(1, 3, 5)], tensor(2, 2))
    assert shown(still) == "k4"
    moving = sliced(held, [all_of(2), some(COUNT, COUNT + ONE, 5)], tensor(2))
    assert name(moving) == Item(4, 1, COUNT)


def test_a_part_of_a_list() -> None:
    """SLICE of a list is a piece of it."""
    op = make_op("SLICE", [tensor(5, 2, 3)], [tensor(OPEN, 2, 3)])
    begin, size = Const(np.array([0, 0, 0])), Const(np.array([2, -1, -1]))
    (found,) = slices.sliced(op, [TensorList(3), begin, size], Told(None))
    assert found == Piece(3, Linear(), Linear(2))
