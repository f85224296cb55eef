"""The table of what steps cost: every case stands in the guide, with the sizes of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.cases import Case
from benchmarks.unrolled import BEGIN, END, cases, model
from rnnlite_pipeline.graph.write import write_model

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "targets.md"


def _rows() -> dict[tuple[str, ...], list[str]]:
    """The cells behind the first three of each row, by these."""
    text = GUIDE.read_text("utf-8")
    lines = text[text.index(BEGIN) : text.index(END)].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {tuple(row[:3]): row[3:] for row in cells[2:]}


def _key(case: Case, scheme: str) -> tuple[str, ...]:
    return (f"{case.kind} {case.features}, {case.units}", scheme, str(case.steps))


def test_every_case_stands_in_the_guide() -> None:
    """Both cells and widths, float and integers, from one step on: none was above the limits."""
    assert list(_rows()) == [_key(*each) for each in cases()]
    assert all(len(row) == 5 and all(row) for row in _rows().values())


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_sizes_in_the_guide_are_those_of_today(scheme: str) -> None:
    """Ops and file sizes are no measurement: the models that are written now have them."""
    case = Case("LSTM", 4, 40, 64)
    steps, loop = (model(case, scheme, form) for form in ("unrolled", "loop"))
    ops, size = _rows()[_key(case, scheme)][:2]
    assert ops == str(len(steps.main.ops)), "run `python -m benchmarks.unrolled` again"
    sizes = [len(write_model(each)) / 1e3 for each in (steps, loop)]
    assert size == f"{sizes[0]:.0f} ({sizes[1]:.0f})"
