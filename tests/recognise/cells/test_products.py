"""Sums of products, on the side of a pattern and on the side of a form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Factor, Product, Symbol
from rnnlite_pipeline.algebra.patterns import (
    Function,
    Leaf,
    Named,
    Pattern,
    Read,
    Times,
    Unknown,
    activation,
    pattern,
    read,
)
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.recognise.cells import products

H, C = read(0, "h"), read(1, "c")
WEIGHED = pattern(Times(H, Unknown()))
SIGMOID = Function("SIGMOID", WEIGHED)
GATE = Named("f", SIGMOID, "forget gate")
F = pattern(GATE)
ONE = Pattern(((1.0, ()),))

x, y, z = (forms.symbol(n, 2) for n in "xyz")
ATOMS: dict[str, Factor] = {n: Symbol(n, 0, 2) for n in "xyz"}


def leaf(of: Pattern) -> Leaf:
    """The leaf that a pattern is."""
    assert of.leaf is not None
    return of.leaf


def factor(of: forms.Form) -> Apply:
    """The function that a form is."""
    assert isinstance(of.atom, Apply)
    return of.atom


def every(monomials: Sequence[products.Monomial], value: forms.Form) -> int:
    """How many ways there are to match, whatever may be what."""
    terms = products.signed(value)
    assert terms is not None
    return len(list(products.assignments(monomials, terms, lambda _leaf, _factor: True)))


def test_every_way_is_found() -> None:
    """x*y + z has two ways for a*b + c: a and b can change places."""
    a, b, c = (leaf(read(k, "abc"[k])) for k in range(3))
    sums: list[products.Monomial] = [(1.0, (a, b)), (1.0, (c,))]
    assert every(sums, x * y + z) == 2
    assert every(sums, x * y) == 0
    assert every(sums, x + z) == 0


def test_signs_and_what_a_leaf_is_elsewhere_limit_the_ways() -> None:
    """A term of the other sign does not fit, and one leaf is one factor in all terms."""
    a, b = (leaf(read(k, "ab"[k])) for k in range(2))
    assert every([(1.0, (a,)), (-1.0, (b,))], x - y) == 1
    assert every([(1.0, (a, b)), (1.0, (a,))], x * y + y) == 1
    assert every([(1.0, (a, b)), (1.0, (a,))], x * y + z) == 0


def test_may_be_is_asked() -> None:
    """Only factors that a leaf can be are taken."""
    a = leaf(read(0, "a"))
    terms = products.signed(x)
    assert terms is not None
    assert not list(products.assignments([(1.0, (a,))], terms, lambda _leaf, f: f.key == "y[0:2]"))


@pytest.mark.parametrize(
    "value",
    [x.scaled(np.array([2.0])), x @ np.ones((2, 2)), x * forms.widened(forms.symbol("m", 1), 2)],
)
def test_a_form_that_is_no_sum_of_signed_products(value: forms.Form) -> None:
    """A factor of two, a matrix, and one number for all columns."""
    assert products.signed(value) is None


def test_a_sum_of_signed_products() -> None:
    """Each term has its sign and its factors."""
    terms = products.signed(x * y - z)
    assert terms is not None
    assert {(sign, tuple(f.key for f in factors)) for sign, factors in terms} == {
        (1.0, ("x[0:2]", "y[0:2]")),
        (-1.0, ("z[0:2]",)),
    }


def test_factors_and_their_product() -> None:
    """`joined` undoes `factors_of`."""
    one, two = ATOMS["x"], ATOMS["y"]
    assert products.factors_of(one) == (one,)
    assert products.joined([one]) is one
    both = products.joined([one, two])
    assert isinstance(both, Product)
    assert products.factors_of(both) == (one, two)


def test_a_turned_sigmoid_is_one_minus_itself() -> None:
    """f*c + (1 - f)*h, f turned, is h*f + c*(1 - f): the terms that cancel are gone."""
    value = F * C + (ONE - F) * H
    turned = products.expanded(value, frozenset([GATE]))
    found = {(sign, frozenset(map(id, leaves))) for sign, leaves in turned}
    f, c, h = id(GATE), id(leaf(C)), id(leaf(H))
    assert found == {(1.0, frozenset([c])), (-1.0, frozenset([f, c])), (1.0, frozenset([f, h]))}
    assert products.expanded(value, frozenset()) != turned


def test_a_turned_odd_function_changes_the_sign() -> None:
    """tanh(-z) = -tanh(z)."""
    tanh = Function("TANH", WEIGHED)
    assert products.expanded(pattern(tanh), frozenset([tanh])) == [(-1.0, (tanh,))]


@pytest.mark.parametrize(
    ("function", "turns"),
    [
        (SIGMOID, True),
        (Function("TANH", WEIGHED), True),
        (Function("RELU", WEIGHED), False),
        (Function("SIGMOID", H), False),
        (Function(activation(["RELU", "TANH"]), WEIGHED), True),
        (Function(activation(["RELU", "SIGMOID"]), WEIGHED), False),
    ],
)
def test_what_may_be_turned(function: Function, turns: bool) -> None:
    """A sigmoid and an odd function of something with unknown weights, under a name or not."""
    assert products.turnable(pattern(function)) == [function] * turns
    named = Named("g", function, "gate")
    assert products.turnable(pattern(named) * H) == [named] * turns


def test_a_gate_is_a_sigmoid() -> None:
    """An unknown activation is not, though it may be one."""
    assert products.is_sigmoid(GATE)
    assert products.function_of(GATE) is SIGMOID
    assert not products.is_sigmoid(Function(activation(["SIGMOID"]), H))
    assert products.function_of(leaf(H)) is None


def test_subsets() -> None:
    """The smallest first."""
    a, b = leaf(H), leaf(C)
    assert list(products.subsets([a, b])) == [
        frozenset(),
        frozenset([a]),
        frozenset([b]),
        frozenset([a, b]),
    ]


def test_terms_are_paired_by_the_states_in_them() -> None:
    """f*c + h finds the term with c for its first; none where two terms hold the same state."""
    value = F * C + H

    def may_be(each: Leaf, found: Factor) -> bool:
        return isinstance(each, Read) and found.key == f"{'xy'[each.k or 0]}[0:2]"

    terms = products.signed(z * y + x)
    assert terms is not None
    pairs = products.paired(value, terms, may_be)
    assert [len(term[1]) for _, term in pairs] == [2, 1]
    twice = products.signed(z * y + y)
    assert twice is not None
    assert products.paired(value, twice, may_be) == []
    assert products.reads_state((1.0, (GATE, leaf(C))))
    assert not products.reads_state((1.0, (GATE,)))


def test_a_form_is_divided_by_a_factor() -> None:
    """s*x - s + y is s * (x - 1) + y."""
    s = forms.apply("LOGISTIC", z)
    scaled, rest = products.divided(s * x - s + y, factor(s))
    assert scaled.key == (x - forms.constant(np.ones(2))).key
    assert rest.key == y.key


def test_a_wrapped_factor_is_divided_as_what_it_wraps() -> None:
    """s * (W x) holds W x as one atom; divided by s it is W x again."""
    s, mapped = forms.apply("LOGISTIC", z), x @ np.array([[1.0, 2.0], [3.0, 4.0]])
    scaled, rest = products.divided(s * mapped, factor(s))
    assert scaled.key == mapped.key
    assert rest.is_constant
    wrapped = forms.of(Apply("LINEAR", (mapped,), 2))
    assert products.unwrapped(wrapped + y).key == (mapped + y).key


def test_a_factor_squared_is_left_alone() -> None:
    """s*s*x is not s times a form without s, and not under a matrix either."""
    s = forms.apply("LOGISTIC", z)
    for value in (forms.of(Product((factor(s), factor(s)))), (s * x) @ np.ones((2, 2))):
        scaled, rest = products.divided(value, factor(s))
        assert scaled.is_constant
        assert not scaled.bias.any()
        assert rest.key == value.key


def test_functions_of_a_form() -> None:
    """Each of them once, symbols not."""
    s, t = forms.apply("LOGISTIC", z), forms.apply("TANH", y)
    found = products.functions_of(s * x + t * x + s)
    assert sorted(render(forms.of(f)) for f in found) == ["sigmoid(z)", "tanh(y)"]
