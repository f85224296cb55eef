"""The folder that `--dump-passes` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.passes.dump import PassDump
from rnnlite_pipeline.passes.manager import Pass, UntilSettled, run
from tests.passes.test_manager import DROP, three_times_negated


def _refuse(_model: Model, _context: object) -> bool:
    raise NotConvertible("No.", "Ask again.")


def _quietly(model: Model, _context: object) -> bool:
    model.main.ops[0].outputs[0].shape = None
    return False


def test_a_file_for_each_change_and_a_line_for_each_pass(tmp_path: Path) -> None:
    """Where nothing changed there is no file; what is in the folder already goes or stays."""
    (tmp_path / "04-old.txt").write_text("of an earlier dump")
    (tmp_path / "notes.txt").write_text("the user's own")
    off: Pass[object] = Pass("off", _refuse, when=lambda _model, _context: False)
    dump = PassDump(tmp_path)
    run((DROP, off, UntilSettled("rest", (DROP,))), three_times_negated(), None, dump)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00-source.txt",
        "01-drop-first.txt",
        "03.01-drop-first.txt",
        "index.txt",
        "notes.txt",
    ]
    assert (tmp_path / "index.txt").read_text().splitlines() == [
        "00 source                    3 ops",
        "01 drop-first                -1 NEG",
        "02 off                       not run",
        "03.01 drop-first             -1 NEG",
        "03.02 drop-first             nothing changed",
    ]
    before, after = (
        set((tmp_path / name).read_text().splitlines())
        for name in ("00-source.txt", "01-drop-first.txt")
    )
    assert before - after == {
        "  %neg: f32[2] = NEG(%x)",
        "  %n.neg: f32[2] = NEG(%neg)",
    }
    assert after - before == {"  %n.neg: f32[2] = NEG(%x)"}
    assert not dump.untold


def test_a_failed_pass_leaves_what_it_left(tmp_path: Path) -> None:
    """The graph stands below the error, and the index ends with the pass."""
    with pytest.raises(NotConvertible):
        run((DROP, Pass("refuse", _refuse), DROP), three_times_negated(), None, PassDump(tmp_path))
    left = (tmp_path / "02-refuse.failed.txt").read_text()
    assert left.startswith("# No.\n#   Ask again.\n\nsignature serving_default of main: ")
    assert (
        (tmp_path / "index.txt").read_text().endswith("02 refuse                    failed: No.\n")
    )


def test_a_pass_that_denies_its_change_is_found(tmp_path: Path) -> None:
    """Groups run until no pass says that it changed something, so a pass must tell."""
    dump = PassDump(tmp_path)
    run((Pass("quietly", _quietly),), three_times_negated(), None, dump)
    assert dump.untold == ["quietly"]
