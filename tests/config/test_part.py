"""Parts of the verification data."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config.part import Part


@pytest.mark.parametrize(("length", "count"), [(10, 3), (2, 5), (7, 1)])
def test_parts_have_each_call_once(length: int, count: int) -> None:
    """Together they are all calls in order, and each can be written as text and read again."""
    parts = [Part(number, count) for number in range(count)]
    assert [x for part in parts for x in range(length)[part.within(length)]] == [*range(length)]
    assert [Part.of(str(part)) for part in parts] == parts
