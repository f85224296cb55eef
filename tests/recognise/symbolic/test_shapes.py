"""What joins, splits, reshapes and casts do to symbolic values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.cells.equations import evaluate
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN
from rnnlite_pipeline.recognise.symbolic import shapes
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Frames,
    Index,
    PerRow,
    Rows,
    Unreadable,
    Value,
)
from rnnlite_pipeline.shapes.linear import Counter, Linear
from tests.recognise.tensors import row, shown, tensor

X, Y = row("x", 3), row("y", 2)
EACH = PerRow(forms.symbol("k1", 1))
NUMBERS = {"x": np.array([[1.0, -2.0, 3.0]]), "y": np.array([[7.0, 8.0]])}


def numbers(value: Value) -> list[float]:
    """The one row that a value is."""
    assert isinstance(value, Rows | PerRow)
    return [float(n) for n in evaluate(value.form, NUMBERS)[0]]


def array(value: Value) -> Any:
    """The numbers of a constant."""
    assert isinstance(value, Const)
    return value.array


def test_rows_are_joined_by_their_columns() -> None:
    """The parts stand in their order, a fused activation over all of them."""
    for activation, expected in (("NONE", [7, 8, 1, -2, 3]), ("RELU", [7, 8, 1, 0, 3])):
        how = {"axis": -1, "fused_activation_function": activation}
        op = make_op("CONCATENATION", [tensor(2, 2), tensor(2, 3)], [tensor(2, 5)], **how)
        assert numbers(shapes.joined(op, [Y, X])[0]) == expected


def test_a_row_is_repeated_along_its_features() -> None:
    """A constant along any axis; a row as often as a constant says, and along nothing else."""
    op = make_op("TILE", [tensor(2, 2), tensor(2)], [tensor(2, 4)])
    assert numbers(shapes.tiled(op, [Y, Const(np.array([1, 2]))])[0]) == [7, 8, 7, 8]
    both = [Const(np.array([[1.0, 2.0]])), Const(np.array([2, 1]))]
    assert array(shapes.tiled(op, both)[0]).tolist() == [[1, 2], [1, 2]]
    with pytest.raises(Unreadable, match="another axis than the features"):
        shapes.tiled(op, [Y, Const(np.array([2, 1]))])
    with pytest.raises(Unreadable, match="as often as data says"):
        shapes.tiled(op, [Y, X])


def test_constants_are_joined_along_any_axis() -> None:
    """Whatever they are; under a fused activation as well."""
    parts = [Const(np.array([[1.0, -2.0]])), Const(np.array([[-3.0, 4.0]]))]
    op = make_op("CONCATENATION", [tensor(1, 2)] * 2, [tensor(2, 2)], axis=0)
    assert array(shapes.joined(op, parts)[0]).tolist() == [[1, -2], [-3, 4]]
    how = {"axis": 1, "fused_activation_function": "RELU"}
    op = make_op("CONCATENATION", [tensor(1, 2)] * 2, [tensor(1, 4)], **how)
    assert numbers(shapes.joined(op, parts)[0]) == [1, 0, 0, 4]


def test_rows_joined_along_the_batch_are_refused() -> None:
    """They are no row for each batch entry."""
    op = make_op("CONCATENATION", [tensor(2, 3)] * 2, [tensor(4, 3)], axis=0)
    with pytest.raises(Unreadable, match="another axis"):
        shapes.joined(op, [X, X])


@pytest.mark.parametrize("sizes", [[1, 2], [2, 1]])
def test_a_row_is_split_into_its_columns(sizes: list[int]) -> None:
    """SPLIT_V gives parts of the widths that its outputs have, SPLIT equal ones."""
    axis = Const(np.array(1, np.int32))
    op = make_op("SPLIT_V", [tensor(2, 3)], [tensor(2, n) for n in sizes], num_splits=2)
    parts = shapes.split(op, [X, Const(np.array(sizes)), axis])
    assert [numbers(p) for p in parts] == [[1, -2, 3][: sizes[0]], [1, -2, 3][sizes[0] :]]
    whole = Const(np.arange(6.0).reshape(2, 3))
    parts = shapes.split(op, [whole, Const(np.array(sizes)), axis])
    assert [array(p).shape for p in parts] == [(2, n) for n in sizes]


def test_a_split_along_the_batch_is_refused() -> None:
    """But a constant is split along any axis."""
    op = make_op("SPLIT", [tensor(dtype="INT32"), tensor(2, 3)], [tensor(1, 3)] * 2, num_splits=2)
    axis = Const(np.array(0, np.int32))
    with pytest.raises(Unreadable, match="another axis"):
        shapes.split(op, [axis, X])
    parts = shapes.split(op, [axis, Const(np.arange(6.0).reshape(2, 3))])
    assert [array(p).tolist() for p in parts] == [[[0, 1, 2]], [[3, 4, 5]]]


@pytest.mark.parametrize("shape", [(OPEN, 3), (1, OPEN, 3), (2, 1, 3), (3,)])
def test_a_row_in_another_rank_is_the_same_row(shape: tuple[int, ...]) -> None:
    """One axis at most is not 1 before the features."""
    op = make_op("RESHAPE", [tensor(2, 3)], [tensor(*shape)])
    assert shown(shapes.reshaped(op, [X])[0]) == "x"


@pytest.mark.parametrize("shape", [(2, 2, 3), (3, 1), (OPEN, 6), ()])
def test_a_reshape_across_features_is_refused(shape: tuple[int, ...]) -> None:
    """What changes the width, or parts the batch."""
    op = make_op("RESHAPE", [tensor(2, 3)], [tensor(*shape)])
    with pytest.raises(Unreadable, match="batch and features"):
        shapes.reshaped(op, [X])


def test_reshapes_of_other_values() -> None:
    """A constant is reshaped, one number each becomes a row, steps are joined side by side."""
    op = make_op("RESHAPE", [tensor(6)], [tensor(3, 2)])
    assert array(shapes.reshaped(op, [Const(np.arange(6))])[0]).tolist() == [[0, 1], [2, 3], [4, 5]]
    column = make_op("RESHAPE", [tensor(2)], [tensor(2, 1)])
    assert isinstance(shapes.reshaped(column, [EACH])[0], Rows)
    flat = make_op("RESHAPE", [tensor(2, 2, 3)], [tensor(2, 6)])
    frames = Frames((forms.symbol("x", 3), forms.symbol("x", 3)))
    assert numbers(shapes.reshaped(flat, [frames])[0]) == [1, -2, 3, 1, -2, 3]


def test_a_constant_is_transposed_and_a_row_is_not() -> None:
    """The axes of a row are the batch and the features."""
    op = make_op("TRANSPOSE", [tensor(2, 3)], [tensor(3, 2)])
    order = Const(np.array([1, 0]))
    given = np.arange(6).reshape(2, 3)
    assert array(shapes.transposed(op, [Const(given), order])[0]).tolist() == given.T.tolist()
    with pytest.raises(Unreadable, match="transposes"):
        shapes.transposed(op, [X, order])


@pytest.mark.parametrize("given", [np.float32(2.0), np.array([2.0]), np.array([[2.0, 2.0, 2.0]])])
def test_a_constant_is_filled_into_a_row(given: Any) -> None:
    """A number, or a row, as often as the batch has entries."""
    op = make_op("BROADCAST_TO", [tensor(1), tensor(2, dtype="INT32")], [tensor(OPEN, 3)])
    shape = Const(np.array([4, 3]))
    assert numbers(shapes.filled(op, [Const(np.asarray(given)), shape])[0]) == [2, 2, 2]


def test_a_row_is_broadcast_over_the_batch_only() -> None:
    """A column becomes wide; a row for each of two axes is none."""
    shape = Const(np.array([2, 3]))
    op = make_op("BROADCAST_TO", [tensor(2, 1)], [tensor(OPEN, 3)])
    assert numbers(shapes.filled(op, [row("x", 1), shape])[0]) == [1, 1, 1]
    op = make_op("BROADCAST_TO", [tensor(2, 1)], [tensor(2, 2, 3)])
    with pytest.raises(Unreadable, match="width"):
        shapes.filled(op, [X, shape])


@pytest.mark.parametrize("shape", [(2, OPEN), ()])
def test_a_fill_of_unknown_width_is_refused(shape: tuple[int, ...]) -> None:
    """The width is part of a row."""
    op = make_op("FILL", [tensor(2, dtype="INT32"), tensor()], [tensor(*shape)])
    with pytest.raises(Unreadable, match="width"):
        shapes.filled(op, [Const(np.array([2, 3])), Const(np.zeros(()))])
    with pytest.raises(Unreadable, match="width"):
        shapes.zeros(op, [X])


def test_zeros_are_as_wide_as_their_result() -> None:
    """ZEROS_LIKE."""
    op = make_op("ZEROS_LIKE", [tensor(2, 3)], [tensor(2, 3)])
    assert numbers(shapes.zeros(op, [X])[0]) == [0, 0, 0]


def test_a_class_is_a_row() -> None:
    """`on` in the column of the class, `off` elsewhere; along the last axis alone."""
    numbers_of = [Const(np.array(n)) for n in (3, 5.0, -1.0)]
    column = row("y", 2).form.columns(1, 2)  # 8
    op = make_op("ONE_HOT", [tensor(2), *[tensor()] * 3], [tensor(2, 3)], axis=-1)
    assert numbers(shapes.one_hot(op, [PerRow(column), *numbers_of])[0]) == [-1, -1, -1]
    one = PerRow(forms.symbol("x", 1))
    assert numbers(shapes.one_hot(op, [one, *numbers_of])[0]) == [-1, 5, -1]
    with pytest.raises(Unreadable, match="classes"):
        shapes.one_hot(op, [X, *numbers_of])
    first = make_op("ONE_HOT", [tensor(2), *[tensor()] * 3], [tensor(3, 2)], axis=0)
    with pytest.raises(Unreadable, match="classes"):
        shapes.one_hot(first, [one, *numbers_of])


def cast(value: Value, source: str, target: str) -> Value:
    """A value in another dtype."""
    op = make_op("CAST", [tensor(2, 3, dtype=source)], [tensor(2, 3, dtype=target)])
    return shapes.cast(op, [value])[0]


def test_an_integer_as_a_real_number_is_itself() -> None:
    """A row of numbers, one each, and a counter keep what they are."""
    count = Index(Linear.symbol(Counter(0)))
    for value in (X, EACH, count):
        assert cast(value, "INT32", "FLOAT32") is value


def test_a_truth_as_a_number_is_one_or_zero() -> None:
    """A comparison is chosen by; a mask that is read is 0 or 1 already."""
    above = Rows(forms.apply("GREATER", X.form, forms.constant(np.zeros(1))))
    assert numbers(cast(above, "BOOL", "FLOAT32")) == [1, 0, 1]
    assert cast(X, "BOOL", "FLOAT32") is X


def test_a_number_as_a_truth_is_whether_it_is_not_zero() -> None:
    """Cast back, it is 0 or 1, and not the number it was."""
    truth = cast(X, "FLOAT32", "BOOL")
    assert numbers(truth) == [1, 1, 1]
    assert numbers(cast(truth, "BOOL", "FLOAT32")) == [1, 1, 1]


def test_a_real_number_as_an_integer_is_not_itself() -> None:
    """A cast to an integer cuts off the fraction, which no rule reads."""
    for value in (X, EACH):
        with pytest.raises(Unreadable, match="integer"):
            cast(value, "FLOAT32", "INT32")


def test_a_constant_is_cast() -> None:
    """The fraction of a constant is cut off, and a truth is 1."""
    assert array(cast(Const(np.array([1.7, -1.7])), "FLOAT32", "INT32")).tolist() == [1, -1]
    assert array(cast(Const(np.array([True])), "BOOL", "FLOAT32")).tolist() == [1.0]
