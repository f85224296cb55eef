"""Values of a loop body, and what a rule takes them as."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Frames,
    Index,
    Item,
    PerRow,
    Rows,
    Sequence,
    TensorList,
    Unreadable,
    Value,
    linear,
    rows,
    whole,
)
from rnnlite_pipeline.shapes.linear import Counter, Linear
from tests.recognise.tensors import row, tensor

COUNT = Linear.symbol(Counter(2))


def test_a_step_is_named_by_all_that_tells_it_from_others() -> None:
    """The sequence, the axis and the position are in the name; without a position it is short."""
    assert Item(3) == "x3"
    names = {Item(3), Item(4), Item(3, 0, COUNT), Item(3, 1, COUNT), Item(3, 0, COUNT + Linear(1))}
    assert len(names) == 5
    assert Item(3, 0, COUNT) == Item(3, 0, COUNT)


@pytest.mark.parametrize("item", [Item(3), Item(3, 1, COUNT * 2 + Linear(5)), Item(0, 0, Linear())])
def test_a_copied_name_keeps_what_it_stands_for(item: Item) -> None:
    """A deep copy and a pickle have the number, the axis and the position, not the text alone."""
    for copied in (copy.deepcopy(item), pickle.loads(pickle.dumps(item))):
        assert (copied, copied.number, copied.axis, copied.place) == (
            item,
            item.number,
            item.axis,
            item.place,
        )


@pytest.mark.parametrize("array", [np.float32(2.5), np.ones(3), np.ones((1, 3)), np.ones((1, 1))])
def test_a_constant_row_is_a_form(array: Any) -> None:
    """Leading axes of 1 and scalars broadcast to each batch entry."""
    value = rows(Const(np.asarray(array)))
    np.testing.assert_array_equal(value.bias, np.asarray(array).reshape(-1))


@pytest.mark.parametrize(
    "value",
    [
        Const(np.ones((2, 3))),
        Const(np.ones((3, 1))),
        PerRow(forms.symbol("m", 1)),
        Frames(()),
        TensorList(0),
        Index(Linear.symbol("T")),
    ],
)
def test_what_is_no_row_is_refused(value: Value) -> None:
    """A table, one number for each entry, several steps, a list, and a run-time length."""
    with pytest.raises(Unreadable):
        rows(value)


def test_a_counter_is_a_row_of_one_column() -> None:
    """Its factors and its constant are kept."""
    form = rows(Index(COUNT * 3 + Linear(4)))
    assert render(form) == "3*v2 + 4"
    assert form.width == 1


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_one_integer_is_linear(dtype: Any) -> None:
    """A constant of one integer is that number, whatever its rank."""
    assert linear(Const(np.array([[7]], dtype))) == Linear(7)
    assert linear(Index(COUNT)) == COUNT


@pytest.mark.parametrize(
    "value", [Const(np.array([1, 2], np.int32)), Const(np.array(1.0)), row("x", 1)]
)
def test_other_values_are_no_index(value: Value) -> None:
    """Two integers, a real number and a row are no index."""
    with pytest.raises(Unreadable, match="not linear"):
        linear(value)


def test_a_sequence_of_rows_is_a_row_to_other_ops() -> None:
    """One that can be a row is read as such; one that cannot stays a sequence."""
    held = Sequence(1, tensor(4, 3), forms.symbol("k1", 3))
    assert isinstance(whole(held), Rows)
    steps = Sequence(1, tensor(4, 2, 3))
    assert whole(steps) is steps
