"""Where each part of a step is computed: outside over x, or inside, and in which product."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra.atoms import Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.symbols import INPUT, before
from rnnlite_pipeline.lower.loop.plan import (
    Plan,
    is_affine,
    is_matrix,
    is_outside,
    own_key,
    parts,
    plan,
)
from tests.lower.loop_cases import gru, one_state

U = 4
X, H = symbol(INPUT, U), symbol(before(0), U)
TURN, DOUBLE = np.eye(U)[::-1], 2 * np.eye(U)[:, ::-1] + np.ones((U, U))


def _cell(update: Form) -> Equations:
    return Equations("cell", U, (U,), (update,), (0,))


def test_what_is_affine_in_x_is_hoisted_with_its_bias() -> None:
    """x and the bias are columns of the product over the sequence, added to the step's product."""
    found = parts(X @ TURN + H @ DOUBLE + constant(np.ones(U)), hoists=True)
    ((atom, column),) = found.columns
    assert atom.key in H.terms
    assert column.hoisted
    assert column.outside.key == (X @ TURN + constant(np.ones(U))).key
    assert found.outside.is_constant
    assert not np.any(found.outside.bias)


def test_without_hoisting_x_is_a_product_of_the_step() -> None:
    """As in integers: the bias goes with the first of them."""
    found = parts(X @ TURN + H @ DOUBLE + constant(np.ones(U)), hoists=False)
    assert len(found.columns) == 2
    first, second = (column for _, column in found.columns)
    assert not first.hoisted
    assert first.outside.bias.tolist() == [1] * U
    assert not np.any(second.outside.bias)


def test_a_function_of_x_is_outside_either_way() -> None:
    """It is a sequence of its own; what it is added to is not a column of its product."""
    value = apply("TANH", X) + H @ DOUBLE
    for hoists in (True, False):
        found = parts(value, hoists)
        assert found.outside.key == apply("TANH", X).key
        ((_, column),) = found.columns
        assert column.outside.is_constant


def test_elementwise_terms_are_no_product() -> None:
    """A state times a row stands beside the products."""
    found = parts(H.scaled(np.full(U, 0.5)) + H @ DOUBLE - H @ DOUBLE, hoists=True)
    assert found.columns == ()
    assert len(found.elementwise) == 1


def test_a_constant_is_outside() -> None:
    """A form without atoms is its bias."""
    found = parts(constant(np.ones(U)), hoists=True)
    assert (found.columns, found.elementwise) == ((), ())
    assert found.outside.bias.tolist() == [1] * U


def test_spelling_does_not_change_the_parts() -> None:
    """Terms in another order give the same columns."""
    c = symbol(before(1), U)
    one = parts(X @ TURN + H @ DOUBLE + c @ TURN, hoists=True)
    two = parts(c @ TURN + X @ TURN + H @ DOUBLE, hoists=True)
    assert [(a.key, k.key) for a, k in one.columns] == [(a.key, k.key) for a, k in two.columns]


def test_products_of_one_atom_are_one() -> None:
    """A GRU of a reset behind its product: three kernels by h are columns of one product."""
    made = plan(gru(np.random.default_rng(0), 3, U), hoists=True)
    (atom,) = made.products
    assert len(made.columns(atom)) == 3
    assert made.weights() == 3 * U * U
    assert (made.loose, made.sequences, made.read) == ({}, {}, {})


def test_what_a_gate_multiplies_is_read_before_the_row_is_added() -> None:
    """The candidate's column begins as what 1 - r gates, whose bias is the product's own."""
    made = plan(gru(np.random.default_rng(0), 3, U), hoists=True)
    (atom,) = made.products
    begins = [(c, made.begins_as(atom, c)) for c in made.columns(atom)]
    ((whole, inner),) = [(column, begin) for column, begin in begins if begin is not None]
    assert (whole.hoisted, inner.hoisted) == (True, False)
    assert np.any(inner.outside.bias)
    total = made.outside(atom, whole) + inner.outside
    np.testing.assert_allclose(total.bias, whole.outside.bias)


def test_a_sum_is_turned_for_a_sigmoid_and_a_product_alone() -> None:
    """`o + r*L` needs `o` of x, r a sigmoid, L of one matrix, and that x is hoisted."""
    o, product = X @ TURN, apply("LINEAR", H @ DOUBLE)
    gate = apply("LOGISTIC", H @ TURN)
    assert Plan().turned(o + gate * product) is not None
    assert Plan(hoists=False).turned(o + gate * product) is None
    for other in (
        o + apply("TANH", H @ TURN) * product,
        o - gate * product,
        o + gate * H,
        o + gate * product + H,
        H @ TURN + gate * product,
        gate * product,
        o + gate * apply("LINEAR", H @ DOUBLE + symbol(before(1), U)),
    ):
        assert Plan().turned(other) is None


def test_hoisted_columns_come_first() -> None:
    """So that one addition serves them all."""
    made = plan(gru(np.random.default_rng(0), 3, U), hoists=True)
    (atom,) = made.products
    assert [column.hoisted for column in made.columns(atom)] == [True, True, True]
    value = apply("TANH", H @ TURN) + apply("TANH", H @ DOUBLE + X @ TURN)
    made = plan(_cell(value), hoists=True)
    (atom,) = made.products
    assert [column.hoisted for column in made.columns(atom)] == [True, False]


def test_the_same_columns_are_computed_once() -> None:
    """One product that two functions read."""
    made = plan(_cell(apply("TANH", H @ TURN) + apply("SIN", H @ TURN)), hoists=True)
    ((_, columns),) = made.products.items()
    assert len(columns) == 1
    assert made.weights() == U * U


@pytest.mark.parametrize(
    ("columns", "pieces"),
    [
        ([], []),
        ([(0, 1)], [(0, 1)]),
        ([(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        ([(2, 4), (0, 1)], [(0, 1), (2, 4)]),
        ([(0, 3), (2, 4)], [(0, 4)]),
        ([(0, 4), (1, 2)], [(0, 4)]),
        ([(0, 2), (1, 3), (2, 5), (7, 8)], [(0, 5), (7, 8)]),
    ],
)
def test_columns_of_x_that_are_read(
    columns: list[tuple[int, int]], pieces: list[tuple[int, int]]
) -> None:
    """Disjoint and in order; what overlaps is one piece, and neighbours have a scale each."""
    read = [Symbol(INPUT, *each) for each in columns]
    assert Plan(read={symbol.key: symbol for symbol in read}).pieces() == pieces


def test_a_step_that_reads_x_says_which_columns() -> None:
    """A mask that selects is read in the step; what no step reads is not carried."""
    mask = X.columns(3, 4)
    made = plan(_cell(apply("SELECT_V2", mask, H @ DOUBLE, H)), hoists=False)
    assert made.pieces() == [(3, 4)]
    assert plan(_cell(apply("SELECT_V2", mask, H @ DOUBLE, H)), hoists=True).read == {}


def test_factors_have_an_order_of_their_own() -> None:
    """A product of the same factors in another order is computed in the same one."""
    c = symbol(before(1), U)
    one, two = (apply("TANH", H) * c, c * apply("TANH", H))
    made = Plan(order=own_key)
    orders = []
    for value in (one, two):
        ((atom, _),) = value.terms.values()
        assert isinstance(atom, Product)
        orders.append([factor.key for factor in made.factors(atom)])
    assert orders[0] == orders[1] == sorted(orders[0])


def test_what_is_outside_affine_and_a_matrix() -> None:
    """x alone is outside where it is hoisted; a row is no matrix, and no product of x."""
    ((x, diagonal),) = X.terms.values()
    ((h, full),) = (H @ DOUBLE).terms.values()
    assert (is_outside(x, True), is_outside(x, False), is_outside(h, True)) == (True, False, False)
    assert (is_matrix(diagonal), is_matrix(full)) == (False, True)
    assert is_affine(X @ DOUBLE + X)
    assert not is_affine(X)
    assert not is_affine(apply("TANH", X) @ DOUBLE)


def test_a_cell_that_only_reads_x() -> None:
    """All of it is computed over the sequence."""
    made = plan(one_state(U, U, lambda x, _: apply("TANH", x @ DOUBLE)), hoists=True)
    assert (made.products, made.loose, len(made.sequences)) == ({}, {}, 1)
    assert made.weights() == 0
