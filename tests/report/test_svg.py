"""Charts as inline SVG."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.report import svg


def test_the_marks_of_a_scatter_are_round_numbers() -> None:
    """The axes end at round numbers around all values, at equal distances."""
    drawn = svg.scatter([-1.37, 1.41], [-1.2, 1.3], "x", "y")
    assert all(f">{mark}<" in drawn for mark in ("-2", "-1", "0", "1", "2"))
    assert ">0.5<" in svg.scatter([0.1, 0.998], [0.2, 0.9], "x", "y")
    assert svg.scatter([3.0], [3.0], "x", "y")


def test_a_curve_of_values_that_are_no_numbers() -> None:
    """Infinite and missing values are drawn at the top, and the picture stays one."""
    drawn = svg.line([1.0, float("inf"), float("nan"), -1.0], "time step", "error", 0.5)
    assert "inf" not in drawn
    assert "nan" not in drawn
    assert 'class="limit"' in drawn


@pytest.mark.parametrize(
    "drawn",
    [
        svg.line([1.0, 2.0], "across <x>", "up"),
        svg.histogram([3, 4], [0.0, 0.1, 1.0], "across <x>", "up"),
        svg.scatter([1.0, 2.0], [1.0, 2.5], "across <x>", "up"),
    ],
    ids=["line", "histogram", "scatter"],
)
def test_each_axis_has_a_title(drawn: str) -> None:
    """Both titles are in the picture as text, escaped."""
    titles = re.findall(r'<text class="title"[^>]*>([^<]*)</text>', drawn)
    assert titles == ["across &lt;x&gt;", "up"]


@given(st.floats(1e-30, 1e30))
def test_ticks_are_round_and_reach_the_top(top: float) -> None:
    """From 0, at equal distances of 1, 2, 2.5 or 5 times a power of ten, three to six of them."""
    ticks = svg._ticks(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top * 0.999
    assert ticks[-2] < top
    assert 3 <= len(ticks) <= 6
    digits = f"{ticks[1]:.6e}".split("e")[0].rstrip("0")
    assert digits in ("1.", "2.", "2.5", "5.")


def test_no_scale_without_a_value() -> None:
    """Nothing, or no number, is drawn from 0 to 1."""
    for top in (0.0, -1.0, float("inf"), float("nan")):
        assert svg._ticks(top) == [0.0, 1.0]


@given(st.integers(1, 100_000))
def test_steps_are_marked_by_a_few_whole_numbers(last: int) -> None:
    """The first and the last among them, rising."""
    marks = svg._whole(last)
    assert (marks[0], marks[-1]) == (0, last)
    assert marks == sorted(set(marks))
    assert len(marks) <= 8


def test_bars_are_logarithmic() -> None:
    """One among a million is seen; none has no height; each tells its count."""
    drawn = svg.histogram([0, 1, 1_000_000], [0.0, 1e-9, 1e-8, 1e-7], "x", "y")
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', drawn)]
    assert heights[0] == 0
    assert heights[2] / 25 < heights[1] < heights[2] / 10
    assert all(said in drawn for said in ("1,000,000", "&lt;1e-09", "≥1e-08"))


@pytest.mark.parametrize("limit", [None, 0.5, 5.0])
def test_a_limit_is_drawn_where_it_is_crossed(limit: float | None) -> None:
    """Its number is told in any case."""
    drawn = svg.line([0.0, 1.0], "step", "error", limit)
    assert ('class="limit"' in drawn) == (limit == 0.5)
    assert ("the limit is" in drawn) == (limit is not None)


def test_charts_of_nothing() -> None:
    """No value, no bar and no dot is a chart all the same."""
    charts = [svg.line([], "x", "y"), svg.histogram([], [0.0], "x", "y")]
    charts.append(svg.scatter([], [], "x", "y"))
    assert all(drawn.startswith("<svg") for drawn in charts)
