"""The laws of the affine forms, against the same arithmetic on numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from tests.algebra.random_forms import PLAIN, any_form, evaluated, few_numbers

same = np.testing.assert_allclose
check = settings(max_examples=60, deadline=None)


def test_functions_written_out_are_the_functions() -> None:
    """1/(1 + exp(-z)) is a sigmoid, max(z, 0) a relu, min(max(z, 0), 6) a relu6."""
    z = forms.symbol("h", 3) @ np.array([[1.0, 0, 2], [0, 3, 0], [1, 1, 1]])
    one, zero, six = (forms.constant(np.full(3, value)) for value in (1.0, 0.0, 6.0))
    power = forms.apply("EXP", z.scaled(np.array([-1.0])))
    relu = forms.apply("RELU", z)
    assert forms.apply("DIV", one, power + one).key == forms.apply("LOGISTIC", z).key
    assert forms.apply("MAXIMUM", zero, z).key == relu.key
    assert forms.apply("MINIMUM", relu, six).key == forms.apply("RELU6", z).key
    assert forms.apply("MAXIMUM", one, z).key != relu.key
    assert forms.apply("DIV", one, power + six).key != forms.apply("LOGISTIC", z).key


@check
@given(any_form(), any_form())
def test_sums_and_products(a: Form, b: Form) -> None:
    """A sum, difference or product of forms is that of their numbers."""
    p, q = evaluated(a), evaluated(b)
    same(evaluated(a + b), p + q, atol=1e-9)
    same(evaluated(a - b), p - q, atol=1e-9)
    same(evaluated(a * b), p * q, rtol=1e-9, atol=1e-9)


@check
@given(any_form(), st.data())
def test_linear_maps(a: Form, data: st.DataObject) -> None:
    """A form scaled or mapped by a matrix is so in its numbers."""
    factor, weights = np.array(data.draw(few_numbers(3))), np.arange(6.0).reshape(3, 2)
    same(evaluated(a.scaled(factor)), evaluated(a) * factor, atol=1e-9)
    same(evaluated(a @ weights), evaluated(a) @ weights, rtol=1e-9, atol=1e-9)


@check
@given(any_form(), any_form(2), st.integers(0, 4), st.integers(1, 5))
def test_columns_of_what_is_joined(a: Form, b: Form, start: int, width: int) -> None:
    """Any columns of forms side by side are those of their numbers side by side."""
    stop = min(5, start + width)
    cut = forms.concatenated([a, b]).columns(start, stop)
    joined = np.concatenate([evaluated(a), evaluated(b)], 1)
    same(evaluated(cut), joined[:, start:stop], atol=1e-9)


@check
@given(any_form(1), any_form())
def test_one_column_goes_with_any(a: Form, b: Form) -> None:
    """A form of one column broadcasts to another's width."""
    same(evaluated(a + b), evaluated(a) + evaluated(b), atol=1e-9)
    same(evaluated(a * b), evaluated(a) * evaluated(b), rtol=1e-9, atol=1e-9)


@check
@given(any_form(depth=2), any_form(depth=2))
def test_order_does_not_matter(a: Form, b: Form) -> None:
    """a + b and b + a have one key, and so have a*b and b*a."""
    assert (a + b).key == (b + a).key
    assert (a * b).key == (b * a).key


def test_spellings_of_one_equation() -> None:
    """z*h + (1-z)*c and c + z*(h-c) are one form."""
    h, c, one = forms.symbol("h", 3), forms.symbol("c", 3), forms.constant(np.ones(3))
    z = forms.apply("LOGISTIC", forms.symbol("x", 2) @ np.ones((2, 3)))
    assert (z * h + (one - z) * c).key == (c + z * (h - c)).key


@pytest.mark.parametrize(
    "other",
    [
        lambda h: h.scaled(np.array([1.0, 1.0, 2.0])),
        lambda h: h + forms.constant(np.array([0.0, 0.0, 1e-9])),
        lambda h: h.columns(0, 2),
        lambda h: forms.apply("TANH", h),
        lambda h: h * h,
        lambda _: forms.symbol("c", 3),
    ],
)
def test_keys_tell_forms_apart(other: Callable[[Form], Form]) -> None:
    """Forms that differ in a weight, a bias, columns or a function have different keys."""
    h = forms.symbol("h", 3)
    assert other(h).key != h.key


def test_too_many_terms_stay_a_product() -> None:
    """Beyond MAX_TERMS a product is not multiplied out, and its numbers are still right."""
    random = np.random.default_rng(1)

    def many() -> Form:
        total = forms.constant(random.normal(size=3))
        for _ in range(forms.MAX_TERMS):
            z = forms.symbol("h", 3).scaled(random.normal(size=3))
            total = total + forms.apply("TANH", z)
        return total

    a, b = many(), many()
    assert len((a * b).terms) == 1
    same(evaluated(a * b), evaluated(a) * evaluated(b))
    same(evaluated((a * b).columns(1, 2)), (evaluated(a) * evaluated(b))[:, 1:2])


def test_squares_do_not_cancel() -> None:
    """(z - mean z)^2 is one square, not three products that are each as large as z^2."""
    z = forms.symbol("h", 3)
    deviation = z - forms.apply("MEAN", z)
    assert len((deviation * deviation).terms) == 1
    same(evaluated(deviation * deviation), evaluated(deviation) ** 2)
    assert len((z.scaled(np.array([2.0])) * z.scaled(np.array([2.0]))).terms) == 1


def test_sigmoid_spelled_with_tanh() -> None:
    """0.5 + 0.5 tanh(z/2) has the key of sigmoid(z); with other numbers it has not."""
    z, half = forms.symbol("h", 3), np.array([0.5])
    spelled = forms.apply("TANH", z.scaled(half)).scaled(half)
    logistic = forms.apply("LOGISTIC", z)
    assert (spelled + forms.constant(np.full(3, 0.5))).key == logistic.key
    assert (spelled + forms.constant(np.array([0.5, 0.5, 0.25]))).key != logistic.key
    quarter = spelled.scaled(half) + forms.constant(np.full(3, 0.5))
    assert quarter.key != logistic.key
    same(evaluated(quarter), evaluated(spelled) / 2 + 0.5)


def test_columns_of_a_softmax() -> None:
    """A column of a softmax still depends on all its columns."""
    whole = forms.apply("SOFTMAX", forms.symbol("h", 3), options=PLAIN)
    same(evaluated(whole.columns(1, 3)), evaluated(whole)[:, 1:3])


def test_widths_that_do_not_fit() -> None:
    """Forms of widths 2 and 3 cannot be added."""
    with pytest.raises(ValueError, match="widths 2 and 3"):
        forms.symbol("x", 2) + forms.symbol("h", 3)
