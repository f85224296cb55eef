"""Scales from ranges: their borders, and that they do not depend on the CPU that measured."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.ir import Quantization, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize import ranges
from rnnlite_pipeline.quantize.numbers import (
    LARGEST_BIAS,
    LEAST_FACTOR,
    NARROWEST,
    SCHEMES,
    least_weight_scale,
    power_of_two,
    product,
    steady,
    stored,
    symmetric,
)
from rnnlite_pipeline.runtimes.interpreter import Kernels
from rnnlite_pipeline.runtimes.partition import open_runner
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import integers, model_of


def _quantized(scheme: str, kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(ranges, "open_runner", partial(open_runner, kernels=kernels))
    cell = random_lstm(np.random.default_rng(5), 7, 24)
    model = model_of(Case((cell,), outputs="y"), classes=4)
    integers(model, scheme)
    return write_model(model)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_kernels_that_round_otherwise_give_the_same_bytes(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums in another order, as another CPU's kernels add them, leave no trace in the model."""
    first, *others = (_quantized(scheme, k, monkeypatch) for k in ("default", "reference"))
    assert others == [first]


@given(st.floats(1e-30, 1e30), st.sampled_from([-1, 1]))
def test_a_bound_moves_outward_and_little(bound: float, sign: int) -> None:
    """Never inward by more than a rounding of float32, never outward by more than 0.1 %."""
    moved = steady(sign * bound)
    assert bound * (1 - 2.0**-18) <= sign * moved <= bound * 1.001


@pytest.mark.parametrize("bound", [0.0, 1.0, -1.0, 0.5, 6.0, 255.0])
def test_a_round_bound_stays(bound: float) -> None:
    """Where values saturate, the bound is what it is, a rounding of float32 more or less."""
    assert {steady(bound * (1 + rounding)) for rounding in (-1e-6, 0, 1e-6)} == {bound}


@pytest.mark.parametrize("bound", [math.inf, -math.inf])
def test_a_bound_that_is_not_finite_stays(bound: float) -> None:
    """It has no bits to keep."""
    assert steady(bound) == bound


#: The step of int8 over a range of 1.
_STEP = 1 / 255


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [
        (0.0, 1.0, _STEP, -128),
        (-1.0, 0.0, _STEP, 127),
        (0.5, 1.0, _STEP, -128),  # a range holds 0
        (-1.0, -0.5, _STEP, 127),
        (-1.0, 3.0, 4 * _STEP, -64),
        (0.0, 0.0, NARROWEST * _STEP, -128),
        (-1e-30, 1e-30, NARROWEST * _STEP, -128),
    ],
)
def test_an_int8_range(low: float, high: float, scale: float, zero: int) -> None:
    """It holds 0 exactly, uses all 256 numbers, and has a scale however narrow it is."""
    found = SCHEMES["int8"].of(low, high)
    assert found.scale[0] == pytest.approx(scale)
    assert found.zero_point == (zero,)


@pytest.mark.parametrize(("low", "high"), [(-2.0, 1.0), (-1.0, 2.0), (2.0, 2.0), (-2.0, -2.0)])
def test_an_int16_range_is_symmetric(low: float, high: float) -> None:
    """The larger end is the largest number, and 0 is 0."""
    found = SCHEMES["int16x8"].of(low, high)
    assert found.zero_point == (0,)
    assert found.scale[0] * 32767 == pytest.approx(2.0)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("low", [0, -1])
def test_what_kernels_fix_reaches_both_ends(scheme: str, low: int) -> None:
    """A step below 1 at most is the largest number of LOGISTIC and TANH; their least is exact."""
    found = SCHEMES[scheme].fixed(low)
    (scale,), (zero,) = found.scale, found.zero_point
    least, most = (-128, 127) if scheme == "int8" else (-32768, 32767)
    assert (most - zero) * scale == pytest.approx(1, abs=1.01 * scale)
    assert low - 1e-9 <= (least - zero) * scale <= 0 or scheme == "int16x8"


@pytest.mark.parametrize(
    ("largest", "scale"), [(0.0, 2**-15), (1.0, 2**-14), (0.999, 2**-15), (64.0, 2**-8)]
)
def test_a_power_of_two(largest: float, scale: float) -> None:
    """The least one whose int16 numbers reach the largest value, from a range of 1 on."""
    found = power_of_two(largest, 1.0).scale[0]
    assert found == scale
    assert largest <= 32767 * found or largest == 0


def test_numbers_are_rounded_and_clipped_to_their_dtype() -> None:
    """A half goes to the even number; what is beyond the ends is the end."""
    value = np.array([0.5, 1.5, 1e9, -1e9, -0.4])
    made = stored("c", value, "INT8", Quantization((1.0,), (0,)))
    assert made.array is not None
    assert made.array.tolist() == [0, 2, 127, -128, 0]


@pytest.mark.parametrize("axis", [0, 1])
def test_numbers_with_a_scale_for_each_channel(axis: int) -> None:
    """Each index of the axis has its own scale and zero point."""
    value = np.ones((2, 2))
    made = stored("c", value, "INT16", Quantization((1.0, 0.5), (0, 10), axis=axis))
    assert made.array is not None
    wanted = np.array([[1, 12], [1, 12]])
    assert made.array.tolist() == (wanted if axis else wanted.T).tolist()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_numbers_of_rank_0_and_none_at_all(shape: tuple[int, ...]) -> None:
    """A single number, and no number, keep their shape."""
    made = stored("c", np.full(shape, 2.0), "INT8", symmetric(127, 127))
    assert made.shape == shape
    assert made.array is not None
    assert (made.array == 2).all()


def test_symmetric_has_a_scale_for_zeros() -> None:
    """0 as the largest value is as the narrowest range."""
    assert symmetric(0.0, 127).scale[0] == pytest.approx(NARROWEST / 127)


def test_a_bias_fits_its_dtype_by_the_scale_of_the_weights() -> None:
    """Each channel has its own least; without a bias the result's scale alone decides."""
    x = symmetric(1e-6, 127)
    least = least_weight_scale(x, 1.0, None, "INT32")
    assert least == pytest.approx(LEAST_FACTOR / x.scale[0])
    bias = Tensor.constant("b", np.array([0.0, -1e6], np.float32))
    first, second = np.asarray(least_weight_scale(x, 1e-9, bias, "INT32"))
    assert first == pytest.approx(LEAST_FACTOR * 1e-9 / x.scale[0])
    assert 1e6 / (x.scale[0] * second) == pytest.approx(LARGEST_BIAS["INT32"])


def test_the_scale_of_a_sum_of_products() -> None:
    """The input's times each of the weights', along their axis."""
    found = product(Quantization((0.5,), (3,)), Quantization((2.0, 4.0), (0, 0)), axis=1)
    assert found == Quantization((1.0, 2.0), (0, 0), axis=1)
