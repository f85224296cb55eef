"""Ratios of times, and when they tell nothing."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.ratios import ratio


def test_what_falls_on_both_times_of_a_round_does_not_count() -> None:
    """A round that takes ten times as long leaves the ratio as it is."""
    reference = [1.0, 10.0, 1.0, 10.0, 1.0, 1.0, 1.0]
    found = ratio([2 * time for time in reference], reference)
    assert (found.median, found.low, found.high) == (2.0, 2.0, 2.0)
    assert str(found) == "2.00"


def test_a_wide_interval_says_so() -> None:
    """A ratio of which 95 % lie too far apart is no number, but `cannot tell`."""
    noise = np.random.default_rng(0).lognormal(0, 1, 31)
    found = ratio(list(noise), [1.0] * 31)
    assert found.low < found.median < found.high
    assert str(found).startswith("cannot tell (")


def test_the_interval_holds_the_median_in_19_of_20_experiments() -> None:
    """Of many experiments with the ratio 1, some 95 % of the intervals hold 1."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = ratio(list(rng.lognormal(0, 0.3, 51)), [1.0] * 51)
        held += found.low <= 1.0 <= found.high
    assert 0.93 < held / 400 < 0.99
