"""The signal-to-noise ratio: what stands still has none, however large or small it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.noise import CEILING_DB, powers, ratio
from rnnlite_pipeline.verify.oracle import Answer
from rnnlite_pipeline.verify.runs import Bounds, run_case

Array = NDArray[Any]


def drawn(*shape: int, seed: int = 0) -> Array:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_noise_of_a_tenth_is_20_db_at_any_scale(scale: float) -> None:
    """The ratio does not depend on the size of an output."""
    source = drawn(200, 10) * scale
    noisy = source + 0.1 * scale * drawn(200, 10, seed=1)
    assert ratio([source], [noisy]) == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_what_stands_still_has_no_ratio_above_0(offset: float) -> None:
    """Zeros, the mean, the mean of each feature, another sample's values: at most 0 dB."""
    source = drawn(100, 7, 5) + offset + 10 * np.arange(5, dtype=np.float32)
    stuck = [0 * source, 0 * source + source.mean(), 0 * source + source.mean((0, 1))]
    for values in (*stuck, source[::-1]):
        found = ratio([source], [values])
        assert found is not None
        assert found < 1e-3


def test_a_lost_layer_has_a_small_ratio() -> None:
    """Of a sum of two parts of one size, one alone has some 3 dB."""
    one, other = drawn(100, 5), drawn(100, 5, seed=1)
    found = ratio([one + other], [one])
    assert found is not None
    assert 1 < found < 5


def test_probabilities_of_a_thousandth_are_judged_by_their_variation() -> None:
    """A softmax over 1,000 classes: rounded to 1/256 it says nothing, to 1/65536 it does."""
    logits = drawn(50, 1000)
    source = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    coarse, fine = (np.round(source * n) / n for n in (256, 65536))
    assert np.abs(source - coarse).max() < 0.1
    assert (ratio([source], [coarse]) or 0) < 10
    assert (ratio([source], [fine]) or 0) > 30


def test_a_constant_output_is_its_own_signal() -> None:
    """Where the source does not vary, its size is what noise is held to."""
    source = np.full((20, 3), 5.0, np.float32)
    assert ratio([source], [source * 1.01]) == pytest.approx(40, abs=0.1)
    assert ratio([source], [0 * source]) == 0
    assert ratio([source], [source]) == CEILING_DB
    assert ratio([drawn(1, 4)], [np.zeros((1, 4), np.float32)]) == 0


def test_an_output_of_zeros_has_no_ratio() -> None:
    """There the absolute error judges alone."""
    zeros = np.zeros((4, 3), np.float32)
    assert ratio([zeros], [zeros]) is None
    assert ratio([zeros], [zeros + 1]) is None
    assert ratio([np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)]) is None


def test_calls_are_judged_together_and_few_samples_by_the_data() -> None:
    """Calls of other lengths and batches add up; a floor stands in for what few samples vary by."""
    calls = [drawn(8, 5, 3, seed=1), drawn(1, 9, 3, seed=2)]
    noisy = [call + np.float32(0.01) for call in calls]
    assert ratio(calls, noisy) == pytest.approx(40, abs=2)
    few = np.float32(3) + 1e-3 * drawn(2, 3)
    assert (ratio([few], [few + np.float32(0.05)]) or 0) < 0
    data = powers([{"y": drawn(200, 3)}])["y"]
    assert ratio([few], [few + np.float32(0.05)], data) == pytest.approx(26, abs=1)


def test_infinities_of_the_source_do_not_count_and_those_of_the_model_do() -> None:
    """A masked logit of -inf is no signal; a NaN where the source is finite is all noise."""
    source = drawn(30, 4)
    source[:, 0] = -np.inf
    assert ratio([source], [source]) == CEILING_DB
    wrong = np.where(np.arange(4) == 1, np.nan, source)
    assert ratio([source], [wrong]) == -CEILING_DB


@pytest.mark.parametrize(
    ("converted", "passes"), [("right", True), ("zeros", False), ("half lost", False)]
)
def test_small_outputs_are_not_judged_by_absolute_error_alone(converted: str, passes: bool) -> None:
    """Below 0.09 every error is below an int8 model's 0.1; what is lost fails all the same."""
    x, y = drawn(64, 6), 0.02 * np.tanh(drawn(64, 6))
    made = {"right": y + 1e-4, "zeros": 0 * y, "half lost": np.where(np.arange(6) < 3, y, 0)}
    case, answer = Case("data", ({"x": x},)), Answer(({"y": y},), {})
    bounds = Bounds(0.1, 10.0).on(answer)
    checks, _ = run_case(lambda _: {"y": made[converted]}, "reference", case, answer, bounds)
    assert all(check.passed for check in checks) == passes
    if not passes:
        (first, *_) = (check for check in checks if not check.passed)
        assert "at least 10 passes" in str(first)
        assert "min_snr_db" in first.remedy
    extreme = Case("zeros", ({"x": x},), extreme=True)
    checks, _ = run_case(lambda _: {"y": made[converted]}, "reference", extreme, answer, bounds)
    assert all(check.passed for check in checks)
