"""The coverage table says what is so: each row is built, converted and compared."""

from __future__ import annotations

import pytest

from tests.coverage.measure import measured
from tests.coverage.row import LOOP, Row
from tests.coverage.rows import ROWS, missing
from tests.coverage.table import PAGE, README, load_results, page, readme
from tests.random_models.held import LIMIT

#: TensorFlow 1's cells say, each time, that they are old.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_comes_out_as_the_table_says(row: Row) -> None:
    """A row's model, built with its framework, becomes the ops the table says, and is right."""
    lacking = missing(row)
    if lacking:
        pytest.skip(lacking)
    found = measured(row)
    (told,) = (r for r in load_results()["rows"] if _name(r) == row.name)
    assert found.ops == row.ops
    assert bool(found.reason) == (LOOP in row.ops)
    assert row.reason in found.reason
    assert (list(found.ops), list(found.read_as)) == (told["ops"], told["read_as"])
    assert found.reason == told["reason"]


def test_the_table_has_every_row_and_what_it_must_become() -> None:
    """coverage.json has each row once, with the ops that its test asks for and a small error."""
    told = load_results()["rows"]
    assert [(_name(r), tuple(r["ops"])) for r in told] == [(row.name, row.ops) for row in ROWS]
    assert all(10.0 ** r["error"] <= LIMIT for r in told)


def test_the_page_and_the_readme_are_made_from_what_was_measured() -> None:
    """docs/coverage.md and the README's table are what coverage.json says, word for word."""
    results = load_results()
    assert PAGE.read_text() == page(results)
    text = README.read_text()
    assert text == readme(text, results)


def _name(row: dict[str, str]) -> str:
    return f"{row['source']}: {row['cell']}"
