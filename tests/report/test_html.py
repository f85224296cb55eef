"""What the sections of a page are made of."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.report.html import Bar, Mark, equation, pairs, section, table


def test_a_table_without_rows_is_none() -> None:
    """Rows may come from a generator, and are kept as tuples."""
    assert table(("a",), iter(())) is None
    shown = table(("a", "b"), ([str(i), Mark(bool(i))] for i in range(2)))
    assert shown is not None
    assert shown.rows == [("0", Mark(False)), ("1", Mark(True))]


@pytest.mark.parametrize(("share", "percent"), [(0.0, 1), (1e-9, 1), (0.5, 50), (1.0, 100)])
def test_every_bar_can_be_seen(share: float, percent: int) -> None:
    """One percent at least."""
    assert Bar(share).percent == percent


def test_indices_of_an_equation_are_set_lower() -> None:
    """A name and what follows its underscore; all else is escaped."""
    assert equation("c_t1 = f < W_fx x_t") == (
        "c<sub>t1</sub> = f &lt; W<sub>fx</sub> x<sub>t</sub>"
    )
    assert equation("a_ + 1_b") == "a_ + 1_b"


def test_a_row_that_says_nothing_is_left_out() -> None:
    """The others stay in their order."""
    assert pairs([("a", "1"), ("b", ""), ("c", "0")]).rows == [("a", "1"), ("c", "0")]


def test_a_section_escapes_what_it_shows() -> None:
    """The cells of a table, and its titles."""
    made = section("x", "<title>", template="table", table=table(("<a>",), [["<b>"]]), note="<n>")
    assert "<b>" not in made.html
    assert "&lt;b&gt;" in made.html
    assert (made.id, made.title, made.note, made.bad) == ("x", "<title>", "<n>", False)
