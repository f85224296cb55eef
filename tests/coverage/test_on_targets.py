"""Every coverage row on every target is what the page says, and what the runtimes do."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from tests.coverage import targets
from tests.coverage.apart import measured
from tests.coverage.row import Row
from tests.coverage.rows import ROWS, missing
from tests.coverage.targets_table import PAGE, load_results, page, table_digest

#: What each runtime needs that is not here; rows are held to the others.
LACKING = {name: reason for name, each in RUNNERS.items() if (reason := each.missing())}
LACKING |= {name: vela.missing() for name in vela.ACCELERATORS if vela.missing()}


#: How an entry is held to a target, by how that target is: a yes, and a no. A no is run where the
#: runtime has a form to refuse.
_HOW: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "run": (("run",), ("run", "by table")),
    "compiled": (("compiled",), ("by table",)),
    "by table": (("by table",), ("by table",)),
}


@pytest.mark.slow
@pytest.mark.skipif(bool(LACKING), reason="; ".join(LACKING.values()))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_on_every_target_what_the_page_says(row: Row) -> None:
    """Converted for each target, run or compiled where that can be, and held to its table."""
    if reason := missing(row):
        pytest.skip(reason)
    made, wrong = measured(row)
    assert wrong == []
    rows = load_results()["rows"]
    (told,) = (r for r in rows if (r["source"], r["cell"]) == (row.source, row.cell))
    for target, placed in made["targets"].items():
        said = told["targets"][target]
        assert {**placed, "error": None} == {**said, "error": None}, target
        assert (placed["error"] is None) == (said["error"] is None), target


@pytest.mark.slow
def test_a_row_that_takes_too_long_is_ended() -> None:
    """The error names the row, and the step that it was at."""
    row = next(row for row in ROWS if not missing(row))
    with pytest.raises(AssertionError, match=r"took too long at (its start|building)"):
        measured(row, seconds=3.0)


def test_the_page_is_written_from_what_was_measured() -> None:
    """docs/coverage-targets.md is what targets.json says, word for word."""
    assert PAGE.read_text() == page(load_results())


def test_every_row_stands_on_every_target() -> None:
    """No row and no target is left out; what can be run was run, and all numbers were checked."""
    rows = load_results()["rows"]
    assert [(r["source"], r["cell"]) for r in rows] == [(r.source, r.cell) for r in ROWS]
    for row in rows:
        assert list(row["targets"]) == list(RUNTIMES)
        for target, placed in row["targets"].items():
            assert placed["outcome"] in ("yes", "partly", "no")
            assert bool(placed["reasons"]) == (placed["outcome"] != "yes")
            assert placed["how"] in _HOW[RUNTIMES[target].held][placed["outcome"] == "no"]
            assert (placed["error"] is not None) == (placed["outcome"] != "no")


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_verdicts_are_those_of_the_tables_of_today(target: str) -> None:
    """Where a table changes, `python -m tests.coverage.targets` has to be run again."""
    if target in vela.ACCELERATORS and vela.missing():
        pytest.skip(f"its table is Vela's own. {vela.missing()}")
    assert load_results()["tables"][target] == table_digest(target)


def test_rows_are_put_down_and_taken_up_by_the_tables_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is there for a run that goes on, until a table changes; one with a fault is not."""
    monkeypatch.setattr(targets, "PROGRESS", tmp_path / "rows")
    right, wrong = ROWS[:2]
    made = {right.name: ({"source": "a"}, []), wrong.name: ({"source": "b"}, ["its table lies"])}
    monkeypatch.setattr(targets, "measured", lambda row: made[row.name])
    assert [targets.measure(row)[1] for row in (right, wrong)] == [[], ["its table lies"]]
    assert targets.put_down() == {right.name: {"source": "a"}}
    monkeypatch.setattr(targets, "table_digest", lambda name: f"another {name}")
    assert targets.put_down() == {}
