"""The section on a search."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.report.search import searched
from tests.report.samples import text

TRIED: dict[str, Any] = {
    "scheme": "int8",
    "skip": ["dense"],
    "bytes": 12_000,
    "error": 0.01,
    "accuracy": 0.95,
    "drop": 0.01,
    "ms": 0.5,
    "pareto": False,
}


@pytest.mark.parametrize("told", [{}, {"candidates": []}])
def test_without_candidates_there_is_no_section(told: dict[str, Any]) -> None:
    """A lock took the place of the search."""
    assert searched(told) is None


def test_each_candidate_has_its_figures_and_marks() -> None:
    """One that could not be made has its reason; the taken one by scheme and skipped layers."""
    told = {
        "samples": 1200,
        "max_accuracy_drop": 0.07,
        "chosen": {"scheme": "int8", "skip": ["dense"]},
        "candidates": [
            TRIED,
            TRIED | {"skip": [], "pareto": True, "drop": 0.0},
            TRIED | {"scheme": "float16", "drop": -0.01},
            {"scheme": "int16x8", "skip": [], "reason": "no <kernel>"},
        ],
    }
    shown = searched(told)
    assert shown is not None
    said = text(shown.html)
    assert "int8 dense 12.0 kB 1.0e-02 95.00% -1.00 points 500.0 µs taken" in said
    assert "int8 12.0 kB 1.0e-02 95.00% ±0 points 500.0 µs not beaten" in said
    assert "+1.00 points" in said
    assert said.count("taken") == 1
    assert "int16x8 no &lt;kernel&gt;" in said
    assert "run on 1,200 samples" in shown.note
    assert "at most 7 points" in shown.note
