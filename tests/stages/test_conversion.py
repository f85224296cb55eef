"""The list of passes of a conversion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.passes.dump import PassDump
from rnnlite_pipeline.passes.manager import Pass, UntilSettled, run
from rnnlite_pipeline.stages.conversion import CONVERSION, Context
from tests.fake.project import ROOT
from tests.passes.golden_models import lstm, rnn
from tests.passes.sequences import context
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling


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


@pytest.mark.parametrize("cell", [lstm(), rnn()], ids=["lstm", "rnn"])
@pytest.mark.parametrize("state", ["source", "explicit"])
def test_a_whole_conversion_keeps_its_promises(
    cell: Lstm | SimpleRnn, state: str, tmp_path: Path
) -> None:
    """Every check between passes holds, and no pass denies a change that its dump shows."""
    model, known, dump = (
        Author([cell], Spelling()).model(),
        context(state=state),
        PassDump(tmp_path),
    )
    run(CONVERSION, model, known, dump)
    assert not dump.untold
    index = (tmp_path / "index.txt").read_text()
    assert re.search(r"^\d+ recognise .*\+1 rnnlite.RECURRENCE", index, re.MULTILINE)
    assert re.fullmatch(r"\d+ check-memory +nothing changed", index.splitlines()[-1])
    (written,) = tmp_path.glob("*-write-recurrences.txt")
    assert "_SEQUENCE_" in written.read_text()


def test_the_guide_shows_the_numbers_of_the_list() -> None:
    """In docs/guides/debugging.md each line of index.txt has the pass's place in the list."""
    page = (ROOT / "docs/guides/debugging.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(\d\d)(?:\.(\d\d))? ([a-z-]+) {2,}", page, re.MULTILINE)
    assert shown
    for place, within, name in shown:
        entry = CONVERSION[int(place) - 1]
        each = entry.passes[int(within) - 1] if isinstance(entry, UntilSettled) else entry
        assert each.name == name
