"""Templates of code, and names as code may hold them."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.release.deploy.text import plain, written
from rnnlite_pipeline.report.templating import templates
from tests.release.deploy.ports import deployment


@given(st.text())
def test_a_plain_name_ends_nothing(name: str) -> None:
    """No quote, no line break, no end of a comment; the length and all word characters stay."""
    safe = plain(name)
    assert len(safe) == len(name)
    assert not set(safe) & set("\"'`\\\n\r\u2028*{}$<>")
    assert all(a == b for a, b in zip(safe, name, strict=True) if b.isalnum() or b == "_")


def test_a_missing_value_is_an_error_and_filters_are_of_one_call() -> None:
    """A template does not write an empty place, and a call's filters do not stay behind."""
    with pytest.raises(jinja2.UndefinedError):
        written("model.h", {"model": deployment()})
    text = written("model.h", {"model": deployment(), "sha256": "abc"}, odd=str)
    assert "extern const unsigned char m_model[];" in text
    assert "odd" not in templates("rnnlite_pipeline.release").filters
