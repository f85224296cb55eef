"""What elementwise ops, products and reductions do to symbolic values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.functions import FUNCTIONS
from rnnlite_pipeline.cells.equations import evaluate
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.recognise.symbolic import arithmetic
from rnnlite_pipeline.recognise.symbolic.values import (
    Bound,
    Const,
    Index,
    PerRow,
    Rows,
    Unreadable,
    Value,
)
from rnnlite_pipeline.shapes.linear import Counter, Linear
from tests.recognise.tensors import row, shown, tensor

COUNT, LIMIT = Index(Linear.symbol(Counter(0))), Index(Linear.symbol("T"))
X, Y = row("x", 3), row("y", 3)
NUMBERS = {"x": np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]]), "y": np.full((2, 3), 2.0)}
EACH = PerRow(forms.symbol("k1", 1))


def op(code: str, dtype: str = "FLOAT32", **options: Any) -> Op:
    """An op of rows [2, 3]."""
    return make_op(code, [tensor(2, 3), tensor(2, 3)], [tensor(2, 3, dtype=dtype)], **options)


def value(result: tuple[Value, ...]) -> Any:
    """The numbers of the one row that a rule gives."""
    (found,) = result
    assert isinstance(found, Rows | PerRow)
    return evaluate(found.form, NUMBERS)


def test_every_function_that_is_read_can_be_computed() -> None:
    """A rule makes no form that the specification cannot evaluate."""
    assert FUNCTIONS.keys() >= arithmetic.UNARY | arithmetic.ELEMENTWISE


@pytest.mark.parametrize(
    ("code", "numbers"),
    [("ADD", np.add), ("SUB", np.subtract), ("MUL", np.multiply), ("DIV", np.divide)],
)
def test_arithmetic_of_two_rows(code: str, numbers: Any) -> None:
    """Each op computes what its name says, of its operands in their order."""
    x, y = NUMBERS["x"], NUMBERS["y"]
    np.testing.assert_allclose(value(arithmetic.binary(op(code), [X, Y])), numbers(x, y))
    two = Const(np.array([2.0]))
    np.testing.assert_allclose(value(arithmetic.binary(op(code), [X, two])), numbers(x, 2.0))


def test_a_fused_activation_is_applied() -> None:
    """ADD with RELU is relu(x + y); an activation that no cell has is refused."""
    fused = op("ADD", fused_activation_function="RELU")
    found = value(arithmetic.binary(fused, [X, Y]))
    np.testing.assert_allclose(found, np.array([[3.0, 0.0, 5.0], [2.5, 6.0, 1.0]]))
    with pytest.raises(Unreadable, match="SIGN_BIT"):
        arithmetic.binary(op("ADD", fused_activation_function="SIGN_BIT"), [X, Y])


def test_integers_are_not_computed_as_rows() -> None:
    """Arithmetic on integers that no counter is linear in is refused."""
    with pytest.raises(Unreadable, match="index"):
        arithmetic.binary(op("ADD", "INT32"), [X, Y])


def test_minus_and_square() -> None:
    """NEG and SQUARE."""
    x = NUMBERS["x"]
    np.testing.assert_allclose(value(arithmetic.negated(op("NEG"), [X])), -x)
    np.testing.assert_allclose(value(arithmetic.squared(op("SQUARE"), [X])), x * x)


def test_one_number_for_each_entry_mixes_with_its_like_only() -> None:
    """A counter and [B] give [B]; with a row of three columns nothing is read."""
    (found,) = arithmetic.applied(op("LESS"), [COUNT, EACH])
    assert isinstance(found, PerRow)
    assert shown(found) == "less(v0, k1)"
    for rule in (arithmetic.applied, arithmetic.binary):
        with pytest.raises(Unreadable, match="mixes"):
            rule(op("ADD"), [EACH, X])
        with pytest.raises(Unreadable, match="mixes"):
            rule(op("ADD"), [EACH, row("h", 1)])


def test_options_are_part_of_a_function() -> None:
    """The slope of LEAKY_RELU changes what is computed."""
    for alpha in (0.5, 0.25):
        (found,) = arithmetic.applied(op("LEAKY_RELU", alpha=alpha), [X])
        np.testing.assert_allclose(
            value((found,)), np.where(NUMBERS["x"] > 0, 1, alpha) * NUMBERS["x"]
        )


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("LESS", (COUNT.linear, LIMIT.linear)),
        ("LESS_EQUAL", (COUNT.linear, LIMIT.linear + Linear(1))),
        ("GREATER", (LIMIT.linear, COUNT.linear)),
        ("GREATER_EQUAL", (LIMIT.linear, COUNT.linear + Linear(1))),
    ],
)
def test_a_comparison_of_counters_is_a_bound(code: str, limit: tuple[Linear, Linear]) -> None:
    """Every comparison is brought into the form a < b."""
    assert arithmetic.less(op(code, "BOOL"), [COUNT, LIMIT]) == (Bound((limit,)),)


def test_a_comparison_of_rows_is_a_truth() -> None:
    """LESS on rows is a function of them."""
    np.testing.assert_array_equal(
        value(arithmetic.less(op("LESS", "BOOL"), [X, Y])), NUMBERS["x"] < NUMBERS["y"]
    )


def test_bounds_hold_together() -> None:
    """LOGICAL_AND of bounds has all their limits, of truths it is a function."""
    a, b = Bound(((COUNT.linear, LIMIT.linear),)), Bound(((COUNT.linear, Linear(5)),))
    assert arithmetic.all_hold(op("LOGICAL_AND"), [a, b]) == (Bound((*a.limits, *b.limits)),)
    assert "logical_and" in shown(arithmetic.all_hold(op("LOGICAL_AND", "BOOL"), [X, Y])[0])


@pytest.mark.parametrize(
    ("code", "transposed"), [("FULLY_CONNECTED", True), ("BATCH_MATMUL", False)]
)
def test_a_product_by_a_constant_matrix(code: str, transposed: bool) -> None:
    """FULLY_CONNECTED has [out, in], BATCH_MATMUL [in, out] unless adj_y says otherwise."""
    matrix = np.arange(6.0).reshape(3, 2)
    expected = NUMBERS["x"] @ matrix
    given = Const(matrix.T if transposed else matrix)
    np.testing.assert_allclose(value(arithmetic.product(op(code), [X, given])), expected)
    if not transposed:
        adjoint = op(code, adj_y=True)
        np.testing.assert_allclose(
            value(arithmetic.product(adjoint, [X, Const(matrix.T)])), expected
        )
        with pytest.raises(Unreadable, match="transposed state"):
            arithmetic.product(op(code, adj_x=True), [X, given])
    else:
        biased = arithmetic.product(op(code), [X, given, Const(np.array([10.0, 20.0]))])
        np.testing.assert_allclose(value(biased), expected + np.array([10.0, 20.0]))


@pytest.mark.parametrize("weights", [X, Const(np.zeros((1, 3, 2)))])
def test_other_products_are_refused(weights: Value) -> None:
    """A matrix that is computed, and a batch of matrices."""
    with pytest.raises(Unreadable, match="not constant"):
        arithmetic.product(op("BATCH_MATMUL"), [X, weights])


@pytest.mark.parametrize("keep", [True, False])
def test_a_reduction_over_the_features(keep: bool) -> None:
    """A SUM is the mean times the width; a kept axis gives a row, a lost one a number each."""
    axis = Const(np.array([-1], np.int32))
    (found,) = arithmetic.reduced(op("SUM", keep_dims=keep), [X, axis])
    assert isinstance(found, Rows if keep else PerRow)
    np.testing.assert_allclose(value((found,)), NUMBERS["x"].sum(1, keepdims=True))
    (largest,) = arithmetic.reduced(op("REDUCE_MAX", keep_dims=keep), [X, axis])
    np.testing.assert_allclose(value((largest,)), NUMBERS["x"].max(1, keepdims=True))


@pytest.mark.parametrize("axes", [[0], [0, 1], []])
def test_a_reduction_over_the_batch_is_refused(axes: list[int]) -> None:
    """One that mixes batch entries is no step of a recurrence."""
    with pytest.raises(Unreadable, match="batch"):
        arithmetic.reduced(op("SUM"), [X, Const(np.array(axes, np.int32))])


def selected(code: str, condition: Value, dtype: int = 2) -> Any:
    """SELECT of x and y by a condition of this rank."""
    shape = (2, 3)[:dtype]
    choice = make_op(
        code, [tensor(*shape, dtype="BOOL"), tensor(2, 3), tensor(2, 3)], [tensor(2, 3)]
    )
    return value(arithmetic.selected(choice, [condition, X, Y]))


def test_a_select_takes_its_second_operand_where_the_mask_holds() -> None:
    """By columns, and by whole rows where SELECT has one truth for each entry."""
    mask = Rows(forms.constant(np.array([1.0, 0.0, 1.0])))
    x, y = NUMBERS["x"], NUMBERS["y"]
    np.testing.assert_allclose(selected("SELECT_V2", mask), np.where([1, 0, 1], x, y))
    by_entry = PerRow(forms.apply("GREATER", forms.symbol("x", 1), forms.constant(np.zeros(1))))
    np.testing.assert_allclose(selected("SELECT", by_entry, 1), np.where(x[:, :1] > 0, x, y))


@pytest.mark.parametrize(("truth", "taken"), [(2.0, "x"), (0.0, "y")])
def test_a_constant_mask_leaves_one_operand(truth: float, taken: str) -> None:
    """A mask that is the same for all columns is no mask."""
    mask = Rows(forms.constant(np.full(3, truth)))
    np.testing.assert_allclose(selected("SELECT_V2", mask), NUMBERS[taken])


def test_a_constant_mask_makes_a_column_as_wide_as_itself() -> None:
    """A column that is taken by a mask of three columns is three columns."""
    mask = Const(np.array([True, True, True]))
    choice = make_op("SELECT_V2", [tensor(3), tensor(2, 1), tensor(2, 3)], [tensor(2, 3)])
    (found,) = arithmetic.selected(choice, [mask, row("x", 1), Y])
    assert isinstance(found, Rows)
    assert found.form.width == 3


def test_a_constant_truth_for_each_entry_is_no_row() -> None:
    """SELECT by a constant [B] takes whole rows: it is not read as a mask of columns."""
    with pytest.raises(Unreadable):
        selected("SELECT", Const(np.array([True, False])), 1)
