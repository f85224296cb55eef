"""The sections on how close the model is to its source."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.report.agreement import DOTS, EDGES, profiles
from rnnlite_pipeline.report.evidence import Check, Evidence, Facts
from rnnlite_pipeline.report.html import Section
from tests.report.samples import labelled, text


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        (["data", "random"], "On the data,"),
        (["calibration", "random"], "On the calibration data,"),
        (["random"], "On random input,"),
    ],
)
def test_the_agreement_says_on_which_samples(cases: list[str], said: str) -> None:
    """Figures of random input are not called those of the data."""
    found = labelled(3)
    found.checks += [Check("equals the source", passed=True, data=c, output="y") for c in cases]
    (shown,) = profiles(found)
    assert shown.note.startswith(said)


def shown_of(source: NDArray[np.floating], model: NDArray[np.floating]) -> Section:
    """The section of one output."""
    found = Evidence(Facts("m"))
    found.profiles["y"] = (source, model)
    (shown,) = profiles(found)
    return shown


@pytest.mark.parametrize(
    ("source", "model"),
    [
        (np.zeros(3, np.int32), np.zeros(3, np.int32)),
        (np.zeros(3, np.float32), np.zeros(4, np.float32)),
    ],
)
def test_only_real_numbers_of_one_shape_are_compared(
    source: NDArray[np.generic], model: NDArray[np.generic]
) -> None:
    """Classes and outputs of another shape have no section; the others keep their numbers."""
    found = Evidence(Facts("m"))
    found.profiles["odd"] = (source, model)
    found.profiles["y"] = (np.ones(2, np.float32), np.ones(2, np.float32))
    found.profiled_on["y"] = "reference"
    (shown,) = profiles(found)
    assert (shown.id, shown.title) == ("agreement-1", "Agreement of “y”")
    assert shown.note == "On the data, with the reference kernels."


def test_errors_are_told_with_their_part_of_the_largest_value() -> None:
    """Largest, mean, the 99th percentile, and the largest value itself."""
    source = np.zeros((100, 1), np.float32)
    source[0], model = 2.0, source.copy()
    model[0] = 2.5
    said = text(shown_of(source, model + np.float32(0)).html)
    assert "largest error 5.0e-01, 25% of the largest value" in said
    assert "largest value of the source 2" in said


def test_a_source_of_zeros_has_no_parts() -> None:
    """A part of nothing is not told."""
    shown = shown_of(np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32))
    assert "of the largest value" not in shown.html
    assert "largest error 1.0e+00" in text(shown.html)


def test_values_that_are_not_finite_are_counted_apart() -> None:
    """The histogram counts what it shows, and says how many values it cannot show."""
    source = np.array([[1.0, np.nan, np.inf, 2.0]], np.float32)
    model = np.array([[1.0, 1.0, np.inf, 2.0]], np.float32)
    said = text(shown_of(source, model).html)
    assert "How large the errors of 2 values are; 2 values are not finite" in said
    assert "over the source&#39;s, 2 of them" in said


@pytest.mark.parametrize("shape", [(0,), (0, 3), (0, 4, 2), (3, 0, 2)])
def test_an_output_without_values_has_no_figures(shape: tuple[int, ...]) -> None:
    """An empty output is shown without an error."""
    empty = np.zeros(shape, np.float32)
    shown = shown_of(empty, empty)
    assert "largest error</dt>" not in shown.html
    assert "errors of 0 values" in shown.html


def test_only_sequences_have_a_chart_over_time() -> None:
    """Axes [N, T, F]: the largest error of each step over samples and features."""
    flat, steps = np.zeros((5, 3), np.float32), np.zeros((5, 7, 3), np.float32)
    assert "at each time step" not in shown_of(flat, flat).html
    assert "at each time step" in shown_of(steps, steps).html


def test_few_of_many_values_are_drawn() -> None:
    """The first and the last are among them."""
    many = np.linspace(0, 1, 3 * DOTS, dtype=np.float32)
    shown = shown_of(many, many)
    assert f"over the source&#39;s, {DOTS} of them" in shown.html


def test_the_limit_is_the_largest_of_the_output() -> None:
    """Limits of extreme input, which depend on a rounding, are left out."""
    found = Evidence(Facts("m"))
    found.profiles["y"] = (np.zeros((1, 2, 1), np.float32), np.ones((1, 2, 1), np.float32))
    found.checks += [
        Check("c", passed=True, output="y", limit=0.25),
        Check("c", passed=True, output="y", limit=9.0, rounding=1.0),
        Check("c", passed=True, output="z", limit=5.0),
    ]
    (shown,) = profiles(found)
    assert "(the limit is 2e-01)" in text(shown.html)


@pytest.mark.parametrize(
    ("error", "bin_"), [(0.0, "&lt;1e-09"), (1e-9, "≥1e-09"), (0.5, "≥1e-01"), (50.0, "≥1e+00")]
)
def test_each_error_falls_into_one_bin(error: float, bin_: str) -> None:
    """An edge belongs to the bin above it; the last bin has no end."""
    assert EDGES[1] == pytest.approx(1e-9)
    shown = shown_of(np.zeros(1, np.float64), np.full(1, error))
    bars = shown.html.partition("How large")[2].partition("</svg>")[0]
    assert bars.count("<title>1</title>") == 1
    assert bin_ in bars
