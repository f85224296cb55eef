"""The sections on the checks."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.report.checks import comparisons, failures, others
from rnnlite_pipeline.report.evidence import Check, Evidence, Facts
from tests.report.samples import text


def test_each_error_has_its_part_of_the_limit() -> None:
    """In the table of comparisons, and the remedy of what failed is told once."""
    run: dict[str, Any] = {"kernels": "default", "output": "y", "call": 1, "remedy": "Do <this>."}
    found = Evidence(Facts("m"))
    for data in ("data", "zeros"):
        found.checks.append(
            Check("equals the source", False, data=data, **run, max_abs_error=0.4, limit=0.1)
        )
    table, wrong = comparisons(found), failures(found)
    assert table is not None
    assert wrong is not None
    assert "4.0e-01 400%" in text(table.html)
    assert wrong.html.count("Do &lt;this&gt;.") == 1
    assert wrong.html.count("<li>") == 2


def found(*checks: Check) -> Evidence:
    """A verification with these checks."""
    return Evidence(Facts("m"), list(checks))


def test_nothing_was_checked() -> None:
    """No check, no section."""
    assert failures(found()) is None
    assert comparisons(found()) is None
    assert others(found()) is None


def test_a_verification_that_broke_off_says_why() -> None:
    """Even if every check before it passed."""
    shown = failures(Evidence(Facts("m"), [Check("a", True)], broken_off="the disk is full"))
    assert shown is not None
    assert shown.bad
    assert "The verification broke off: the disk is full" in shown.html


def test_each_call_on_each_kernels_has_its_column() -> None:
    """A run that a row does not have is an empty cell; an infinite error has no part."""
    run: dict[str, Any] = {"data": "data", "kernels": "reference", "output": "y", "limit": 0.1}
    checks = [
        Check("c", True, **run, call=1, max_abs_error=0.05, batch=(2, 1)),
        Check("c", False, **run, call=2, max_abs_error=float("inf"), batch=(2, 1)),
        Check("c", True, **run | {"output": "z", "kernels": "default"}, call=1, max_abs_error=0.0),
    ]
    shown = comparisons(found(*checks))
    assert shown is not None
    said = text(shown.html)
    assert "reference, call 1 reference, call 2 default, call 1 limit" in said
    assert "✗ data 2, 1 y 5.0e-02 50% infinite 1.0e-01" in said
    assert "✓ data z 0.0e+00 0% 1.0e-01" in said
    assert "signal to noise" not in said


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ([(30.4, 10.0), (12.0, 10.0)], "12 dB at least 10 dB"),
        ([(30.4, None)], "30 dB"),
        ([(-150.0, 20.0)], "-150 dB at least 20 dB"),
    ],
)
def test_the_least_ratio_of_a_row(figures: list[tuple[float, float | None]], said: str) -> None:
    """With the one that passes, where a bound is set."""
    checks = [
        Check("c", True, data="d", call=1, max_abs_error=0.0, snr_db=snr, min_snr_db=least)
        for snr, least in figures
    ]
    shown = comparisons(found(*checks))
    assert shown is not None
    assert said in text(shown.html)


def test_a_row_without_a_ratio_has_an_empty_cell() -> None:
    """Where another row has one."""
    shown = comparisons(
        found(
            Check("c", True, data="d", output="y", call=1, max_abs_error=0.0, snr_db=30.0),
            Check("c", True, data="d", output="z", call=1, max_abs_error=0.0),
        )
    )
    assert shown is not None
    assert shown.html.count(" dB") == 1


def test_what_was_left_out_is_told_with_its_reason() -> None:
    """Beside the cases that ran."""
    checked = found(Check("c", True, data="d", call=1, max_abs_error=0.0))
    checked.skipped["large"] = "it takes <8> GB"
    shown = comparisons(checked)
    assert shown is not None
    assert "“large”: it takes &lt;8&gt; GB" in shown.html


def test_passed_checks_of_one_name_and_detail_share_a_row() -> None:
    """A failed one has its own row, and its error where it has no words."""
    cases = [Check("repeats", True, data=f"c{i}", kernels="default") for i in range(5)]
    worst = Check("repeats", False, data="bad", max_abs_error=0.5, limit=0.1, asked="p.yaml:3")
    infinite = Check("other", False, max_abs_error=float("inf"))
    shown = others(found(*cases, worst, infinite, Check("words", True, "two of <two>")))
    assert shown is not None
    said = text(shown.html)
    assert "✓ repeats c0, c1, c2 and 2 more default always" in said
    assert "✗ repeats bad p.yaml:3 error at most 5.0e-01, 500% of the limit" in said
    assert "✗ other always error at most infinite" in said
    assert "✓ words always two of &lt;two&gt;" in said


def test_compared_calls_are_no_other_checks() -> None:
    """They have their own table."""
    assert others(found(Check("c", True, call=1, max_abs_error=0.0))) is None
