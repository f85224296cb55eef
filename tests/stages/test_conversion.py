"""The list of passes of a conversion."""

from __future__ import annotations

import re

import pytest

from rnnlite_pipeline.passes.manager import Pass, UntilSettled
from rnnlite_pipeline.stages.conversion import CONVERSION, Context


def _flat(entries: tuple[Pass[Context] | UntilSettled[Context], ...]) -> list[Pass[Context]]:
    return [
        each
        for entry in entries
        for each in (entry.passes if isinstance(entry, UntilSettled) else (entry,))
    ]


PASSES = _flat(tuple(CONVERSION))


@pytest.mark.parametrize("each", {p.name: p for p in PASSES}.values(), ids=lambda p: p.name)
def test_every_pass_tells_its_rules(each: Pass[Context]) -> None:
    """A pass has a name for file names, and numbered rules."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", each.name)
    assert re.search(r"^ *1\. ", each.description, re.MULTILINE), each.description


def test_what_a_pass_requires_an_earlier_one_ensures() -> None:
    """The order of the list is one that its own promises allow."""
    ensured = set[str]()
    for each in PASSES:
        for needed in each.requires:
            assert needed.says in ensured, f"{each.name}: {needed.says}"
        ensured |= {told.says for told in each.ensures}
