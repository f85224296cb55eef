"""The laws of linear forms, against the integers that they are."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.shapes.linear import Counter, Linear, Quotient, least, quotient
from tests.shapes.symbols import SIZES, linears, number

check = settings(max_examples=60, deadline=None)
T, B = Linear.symbol("T"), Linear.symbol("B")


@check
@given(linears(), linears(), st.integers(-4, 4))
def test_arithmetic(a: Linear, b: Linear, factor: int) -> None:
    """Sums, differences and multiples are those of the numbers."""
    assert number(a + b) == number(a) + number(b)
    assert number(a - b) == number(a) - number(b)
    assert number(a * factor) == number(a) * factor


@check
@given(linears(), linears())
def test_equal_forms_are_equal_values(a: Linear, b: Linear) -> None:
    """However it was computed: a symbol with the factor 0 is no part of a form."""
    assert a + b == b + a
    assert (a + b) - b == a
    assert a - a == Linear()
    assert (a - a).is_constant


@check
@given(linears(), linears())
def test_a_form_in_the_place_of_a_symbol(a: Linear, value: Linear) -> None:
    """It is the form at the value's number."""
    assert number(a.replaced("T", value)) == number(a, {**SIZES, "T": number(value)})


@check
@given(linears(), st.integers(-3, 6), st.integers(0, 9), st.integers(0, 9))
def test_a_quotient_is_rounded_down(a: Linear, divisor: int, b: int, t: int) -> None:
    """Where it is linear it is exact for every size; a divisor below 1 has none."""
    found = quotient(a, divisor)
    assert found is None or divisor > 0
    if found is not None:
        sizes = {**SIZES, "B": b, "T": t}
        assert number(found, sizes) == number(a, sizes) // divisor


def test_which_quotients_are_known() -> None:
    """One symbol alone has a quotient of its own; a sum that does not divide has none."""
    assert quotient(T, 2) == Linear.symbol(Quotient("T", 2))
    assert quotient(T * 4 + Linear(3), 2) == T * 2 + Linear(1)
    assert quotient(T + Linear(1), 2) is None
    assert quotient(T * 3, 2) is None
    assert quotient(T + B, 2) is None
    assert quotient(Linear.symbol(Counter(0)), 2) is None


@check
@given(st.integers(-3, 3), st.integers(-9, 9), st.integers(-6, 6), st.integers(1, 4))
def test_the_least_is_a_bound(factor: int, other: int, constant: int, divisor: int) -> None:
    """For every length, the form of it and of its quotient is not below what is told."""
    form = T * factor + Linear.symbol(Quotient("T", divisor)) * other + Linear(constant)
    bound = least(form)
    if bound is not None:
        assert all(number(form, {"T": t}) >= bound for t in range(30))


def test_the_least_of_a_remainder() -> None:
    """T - 3 (T // 3) is at least 0, and its opposite at least -2; T alone has no least."""
    rest = T - Linear.symbol(Quotient("T", 3)) * 3
    assert least(rest) == 0
    assert least(rest * -1) == -2
    assert least(T) is None
    assert least(Linear(7)) == 7


def test_what_depends_on_a_counter() -> None:
    """Only a form with a loop's counter counts."""
    assert Linear.symbol(Counter(2)).counts
    assert not (T + Linear(2)).counts
    assert not (Linear.symbol(Counter(2)) - Linear.symbol(Counter(2))).counts
    assert (T * 3).factor("T") == 3
    assert T.factor("B") == 0


@pytest.mark.parametrize("symbol", [Counter(3), Quotient("T", 4)])
def test_a_symbol_is_copied_with_what_it_stands_for(symbol: Counter | Quotient) -> None:
    """Copies and other processes have its parts as well."""
    for same in (copy.deepcopy(symbol), pickle.loads(pickle.dumps(symbol))):
        assert type(same) is type(symbol)
        assert same.__getnewargs__() == symbol.__getnewargs__()
