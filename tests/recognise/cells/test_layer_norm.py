"""Layer normalization is found by numbers, however it is spelled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.recognise.cells.layer_norm import normalization

Z = forms.symbol("x", 3) @ np.array([[1.0, 2.0, 0.5, 1.0], [0.3, -1.0, 2.0, 0.1], [1, 1, -1, 2]])


def number(value: float) -> Form:
    """A constant of one column."""
    return forms.constant(np.array([value]))


def normalized(z: Form, epsilon: float = 1e-8, *, mean: bool = True) -> Form:
    """(z - mean z) / sqrt(variance z + epsilon), spelled with RSQRT."""
    deviation = z - forms.widened(forms.apply("MEAN", z), z.width) if mean else z
    variance = forms.apply("MEAN", deviation * deviation)
    root = forms.apply("RSQRT", variance + number(epsilon))
    return deviation * forms.widened(root, z.width)


def divided(z: Form) -> Form:
    """The same, spelled with SQRT, DIV and SQUARED_DIFFERENCE."""
    mean = forms.widened(forms.apply("MEAN", z), z.width)
    variance = forms.apply("MEAN", forms.apply("SQUARED_DIFFERENCE", z, mean))
    root = forms.apply("SQRT", variance + number(1e-8))
    return forms.apply("DIV", z - mean, forms.widened(root, z.width))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=8, max_size=8), st.booleans())
def test_scale_and_bias_are_found(numbers: list[float], by_division: bool) -> None:
    """Whatever they are, and however the norm is spelled."""
    scale, bias = np.array(numbers[:4]), np.array(numbers[4:])
    form = (divided if by_division else normalized)(Z).scaled(scale) + forms.constant(bias)
    found = normalization(form)
    if not scale.any():
        return  # a constant: nothing is normalized in it
    assert found is not None
    z, scales, biases = found
    assert z.key == Z.key
    np.testing.assert_allclose(scales, scale, atol=1e-6)
    np.testing.assert_allclose(biases, bias, atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        Z,
        forms.apply("MEAN", Z),
        normalized(Z, 1e-3),
        normalized(Z, 0.0),
        normalized(Z, mean=False),
        normalized(Z) + Z,
        normalized(Z) * normalized(Z),
    ],
    ids=["affine", "mean", "epsilon", "no epsilon", "no mean", "more", "square"],
)
def test_what_is_none(form: Form) -> None:
    """Another epsilon is seen, and so is what is only nearly a norm."""
    assert normalization(form) is None


def test_one_column_is_not_normalized() -> None:
    """Its deviation is always zero."""
    assert normalization(normalized(forms.symbol("x", 1))) is None
