"""Text for people from templates."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from rnnlite_pipeline.report.templating import compile_all, prose, templates

ROOM = "rnnlite_pipeline.report"


def test_backquotes_become_code() -> None:
    """A message shows commands as code, and its other text as it is."""
    assert prose("`a < b` & c") == "<code>a &lt; b</code> &amp; c"


@pytest.mark.parametrize("text", ["a `b", "``", "a\nb"])
def test_what_is_no_pair_of_backquotes_stays(text: str) -> None:
    """One alone, and a pair with nothing in it."""
    assert prose(text) == text


def test_a_missing_value_is_an_error() -> None:
    """Not an empty place."""
    with pytest.raises(jinja2.UndefinedError):
        templates(ROOM).from_string("{{ nothing }}").render()


def test_every_page_is_escaped_and_code_is_not() -> None:
    """By the end of the template's name; the environment of a room is made once."""
    made = templates(ROOM)
    assert made is templates(ROOM)
    assert callable(made.autoescape)
    for name, escaped in (
        ("report.html.jinja", True),
        ("chart.svg.jinja", True),
        ("deploy/class.kt.jinja", False),
        ("MODEL_CARD.md.jinja", False),
    ):
        assert made.autoescape(name) == escaped
    assert made.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


def test_what_is_compiled_beforehand_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for an environment that adds the filters of a template; another text is compiled."""
    compile_all()
    compiled: list[str] = []
    compile_ = jinja2.Environment._compile

    def noted(self: jinja2.Environment, source: str, filename: str) -> Any:
        compiled.append(filename)
        return compile_(self, source, filename)

    monkeypatch.setattr(jinja2.Environment, "_compile", noted)
    made = templates("rnnlite_pipeline.release").overlay()
    made.filters = {**made.filters, "port": repr, "json": repr}
    made.get_template("deploy/module.mjs.jinja")
    templates(ROOM).get_template("report.html.jinja")
    assert not compiled
    made.from_string("another")
    assert compiled
