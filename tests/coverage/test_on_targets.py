"""Every coverage row on every target is what the page says, and what the runtimes do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from tests.coverage.on_targets import close_browser
from tests.coverage.row import Row
from tests.coverage.rows import ROWS, missing
from tests.coverage.targets import measured
from tests.coverage.targets_table import PAGE, load_results, page, table_digest

#: TensorFlow 1's cells say, each time, that they are old.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed")

#: What each runtime needs that is not here; rows are held to the others.
LACKING = {name: reason for name, each in RUNNERS.items() if (reason := each.missing())}
LACKING |= {name: vela.missing() for name in vela.ACCELERATORS if vela.missing()}


@pytest.fixture(scope="module", autouse=True)
def _browser() -> Iterator[None]:
    """One browser for all rows."""
    yield
    close_browser()


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


def test_the_page_is_written_from_what_was_measured() -> None:
    """docs/coverage-targets.md is what targets.json says, word for word."""
    assert PAGE.read_text() == page(load_results())


def test_every_row_stands_on_every_target() -> None:
    """No row and no target is left out; what can be run was run, or there is a reason."""
    rows = load_results()["rows"]
    assert [(r["source"], r["cell"]) for r in rows] == [(r.source, r.cell) for r in ROWS]
    for row in rows:
        assert list(row["targets"]) == list(RUNTIMES)
        for target, placed in row["targets"].items():
            assert placed["outcome"] in ("yes", "partly", "no")
            assert bool(placed["reasons"]) == (placed["outcome"] != "yes")
            ran = placed["error"] is not None
            assert ran == (target in RUNNERS and placed["outcome"] != "no")


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_verdicts_are_those_of_the_tables_of_today(target: str) -> None:
    """Where a table changes, `python -m tests.coverage.targets` has to be run again."""
    if target in vela.ACCELERATORS and vela.missing():
        pytest.skip(f"its table is Vela's own. {vela.missing()}")
    assert load_results()["tables"][target] == table_digest(target)
