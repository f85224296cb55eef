"""Places of a page that are filled anew."""

from __future__ import annotations

from rnnlite_pipeline.report.slots import filled, slot


def test_a_place_is_filled_again_and_again() -> None:
    """Its neighbours and the rest of the page stay."""
    page = f"<p>{slot('times', 'old')}</p>{slot('accuracy')}"
    once = filled(page, "times", "new")
    assert once == f"<p>{slot('times', 'new')}</p>{slot('accuracy')}"
    assert filled(once, "times", "old") == page


def test_a_page_without_the_place_stays() -> None:
    """So does one where its end is missing."""
    assert filled("<p></p>", "times", "new") == "<p></p>"
    assert filled("<!--times-->old", "times", "new") == "<!--times-->old"
