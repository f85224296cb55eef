"""The section on the other forms of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.report.forms import (
    accuracy_of,
    error_of,
    forms,
    ranked,
    size_of,
    time_of,
)
from rnnlite_pipeline.report.html import Both
from rnnlite_pipeline.report.results import Results
from tests.report.samples import text

BUILD = Path("/build")


def results(
    name: str = "a",
    scheme: str = "none",
    *,
    source: str = "s",
    size: int | None = 1000,
    ms: float | None = None,
    machine: str = "here",
    **told: Any,
) -> Results:
    """What is known of a model."""
    verification = {"passed": True, **told}
    if size is not None:
        verification["bytes"] = {"model": size}
    if scheme != "none":
        verification["quantization"] = {"scheme": scheme, "bytes": {"float": 4000}}
    benchmark: dict[str, Any] = {}
    if ms is not None:
        models = {"model.tflite": {"ms": {"median": ms}}}
        benchmark = {"machine": machine, "settings": {}, "models": models}
    return Results(BUILD / name, name, verification, benchmark, source)


def test_only_models_of_one_source_are_compared() -> None:
    """A source of one model, a model without a size, and one without a source have no section."""
    models = [
        results("a"),
        results("b", source="t"),
        results("c", size=None),
        results("d", source=""),
        results("e", source=""),
    ]
    assert forms(models, BUILD) == []
    assert forms([], BUILD) == []
    (shown,) = forms([*models, results("f")], BUILD)
    assert (shown.id, shown.title) == ("forms-0", "a, float and quantized")


def test_float_comes_first_then_fewer_bits() -> None:
    """Equal schemes by name; an unknown one last."""
    named = [("z", "none"), ("n", "new"), ("i", "int8"), ("h", "float16"), ("d", "dynamic_range")]
    named += [("x", "int16x8"), ("b", "none")]
    order = ranked([results(name, scheme) for name, scheme in named])
    assert [each.name for each in order] == ["b", "z", "h", "d", "x", "i", "n"]


@pytest.mark.parametrize(
    ("each", "first", "cell"),
    [
        (results(size=None), results(), ""),
        (results(), results(), Both("1,000 B", "", 1000)),
        (
            results("q", "int8"),
            results("q", "int8"),
            Both("1,000 B", "25% of the size in float", 1000),
        ),
        (results("q", "int8"), results(size=2000), Both("1,000 B", "50% of a", 1000)),
    ],
)
def test_a_size_is_compared_with_the_first_model(each: Results, first: Results, cell: Any) -> None:
    """The first model itself with the same in float, where it is quantized."""
    assert size_of(each, first) == cell


@pytest.mark.parametrize(
    ("each", "first", "cell"),
    [
        (results(), results(ms=1.0), ""),
        (results("b", ms=2.0), results(ms=1.0), Both("2.00 ms", "2.00 × a", 2.0)),
        (results("b", ms=2.0), results(ms=1.0, machine="other"), Both("2.00 ms", "", 2.0)),
        (results("b", ms=2.0), results(), Both("2.00 ms", "", 2.0)),
        (results(ms=2.0), results(ms=2.0), Both("2.00 ms", "", 2.0)),
        (results("b", ms=2.0), results(ms=0.0), Both("2.00 ms", "", 2.0)),
    ],
)
def test_times_are_compared_where_both_were_measured_alike(
    each: Results, first: Results, cell: Any
) -> None:
    """On one machine and input, and not with itself."""
    assert time_of(each, first) == cell


@pytest.mark.parametrize(
    ("told", "cell"),
    [
        ({}, ""),
        ({"max_abs_error": 0.5}, Both("5.0e-01", "", 0.5)),
        ({"max_abs_error": "inf"}, Both("infinite", "", float("inf"))),
        (
            {
                "max_abs_error": 0.5,
                "checks": [{"max_abs_error": 0.5, "limit": 1.0, "snr_db": 31.4}, {"snr_db": 40}],
            },
            Both("5.0e-01", "50% of the limit, 31 dB signal to noise", 0.5),
        ),
    ],
)
def test_an_error_has_its_part_of_the_limit_and_the_noise(told: dict[str, Any], cell: Any) -> None:
    """As far as they are known."""
    assert error_of(results(**told)) == cell


def test_an_accuracy_has_its_difference_from_the_source() -> None:
    """The lowest one; a rate that is not 1 is not shown as 100%."""
    rates = [{"litert": 0.9999999, "source": 1.0}, {"litert": 1.0, "source": 1.0}]
    cell = accuracy_of(results(accuracy=rates))
    assert isinstance(cell, Both)
    assert cell.text == "99.99%"
    assert accuracy_of(results()) == ""


def test_without_times_there_are_no_columns_for_them() -> None:
    """With some, a model that was not measured says so; other machines are told."""
    pair = [results("a"), results("b", "int8", size=500)]
    (shown,) = forms(pair, BUILD)
    assert "time" not in shown.html
    pair = [results("a"), results("b", "int8", size=500, ms=0.0)]
    (shown,) = forms(pair, BUILD)
    said = text(shown.html)
    assert "not measured" in said
    assert "0.0 µs" in said
    assert "Times of different machines" not in shown.note
    pair = [results("a", ms=1.0, machine="x"), results("b", "int8", ms=1.0, machine="y")]
    (shown,) = forms(pair, BUILD)
    assert shown.note.endswith("Times of different machines or inputs are not compared.")


def test_a_model_with_a_page_is_a_link(tmp_path: Path) -> None:
    """Relative to the page; the others are text."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "report.html").write_text("")
    verification = {"passed": False, "bytes": {"model": 1}}
    models = [Results(folder, "a b", verification, {}, "s"), results("b")]
    (shown,) = forms(models, tmp_path)
    assert '<a href="a%20b/report.html">a b</a>' in shown.html
    assert "✗" in shown.html
