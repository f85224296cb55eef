"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.report.figures import error, plural, points, rate, share, size, time, times


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (size(9_999), "9,999 B"),
        (size(10_000), "10.0 kB"),
        (size(2_500_000), "2.5 MB"),
        (share(0.5, 2.0), "25%"),
        (share(1e-9, 1.0), "under 0.01%"),
        (share(1.0, 0.0), ""),
        (share(float("inf"), 1.0), ""),
        (points(-0.015), "-1.50 points"),
        (points(0.0), "±0 points"),
    ],
)
def test_figures(said: str, expected: str) -> None:
    """Sizes, shares and points as a person reads them; nothing where there is nothing to say."""
    assert said == expected


def test_a_part_is_never_called_the_whole() -> None:
    """428 of 430 are not 100 %: a share that is nearly everything keeps its decimal."""
    assert [share(*each) for each in ((428, 430), (430, 430), (99_999, 100_000), (1, 3))] == [
        "99.5%",
        "100%",
        "99.9%",
        "33%",
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (time(0.9999), "999.9 µs"),
        (time(1.0), "1.00 ms"),
        (error(0.00123), "1.2e-03"),
        (error(float("inf")), "infinite"),
        (times(1.25), "1.25 ×"),
        (times(float("nan")), ""),
        (plural(1, "op"), "1 op"),
        (plural(1200, "op"), "1,200 ops"),
        (plural(2, "reply"), "2 replies"),
        (plural(0, "loss"), "0 losses"),
        (size(999_999), "1,000.0 kB"),
        (share(0.0, 5.0), "0%"),
        (rate(0.8333), "83.33%"),
        (rate(1.0), "100.00%"),
        (rate(0.999999), "99.99%"),
        (rate(0.9999, 1), "99.9%"),
        (rate(0.0), "0.00%"),
    ],
)
def test_other_figures(said: str, expected: str) -> None:
    """Times, errors, ratios and counted things."""
    assert said == expected
