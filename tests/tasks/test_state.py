"""What counts as a change, and what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from doit.dependency import JSONCodec

from rnnlite_pipeline.tasks.state import Fresh, StateFolder, value_digest


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "saved_model"
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "data").write_bytes(b"weights")
    return folder


def test_folder_is_its_names_and_contents(tmp_path: Path) -> None:
    """A source that is a folder counts by every file in it, at any depth."""
    folder = _folder(tmp_path)
    fresh = Fresh(lambda: "", (folder,), ())
    assert not fresh(None, {})
    remembered = fresh.outcome()
    assert fresh(None, remembered)
    (folder / "variables" / "data").write_bytes(b"Weights")
    assert not fresh(None, remembered)
    (folder / "variables" / "data").write_bytes(b"weights")
    assert fresh(None, remembered)
    (folder / "variables" / "more").write_bytes(b"")
    assert not fresh(None, remembered)


def test_edit_during_a_run_is_noticed_by_the_next(tmp_path: Path) -> None:
    """A run remembers what its inputs were when it began."""
    source = tmp_path / "source"
    source.write_bytes(b"old")
    fresh = Fresh(lambda: "", (source,), ())
    assert not fresh(None, {})
    source.write_bytes(b"new")
    assert not fresh(None, fresh.outcome())


def test_order_of_keys_is_no_change() -> None:
    """Settings are compared as values."""
    assert value_digest({"a": 1, "b": 2}) == value_digest({"b": 2, "a": 1})
    assert value_digest({"a": 1}) != value_digest({"a": 2})


def _state(tmp_path: Path) -> StateFolder:
    return StateFolder(str(tmp_path / "state"), JSONCodec())


def test_record_is_written_when_it_is_complete(tmp_path: Path) -> None:
    """A task is remembered from its last key on, without an end of the run."""
    state = _state(tmp_path)
    state.set("convert:a", "_values_:", {"x": 1})
    assert not _state(tmp_path).in_("convert:a")
    state.set("convert:a", "deps:", ())
    assert _state(tmp_path).get("convert:a", "_values_:") == {"x": 1}
    state.remove("convert:a")
    assert not _state(tmp_path).in_("convert:a")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_damaged_record_is_no_record(tmp_path: Path, content: bytes) -> None:
    """A record that cannot be read is as good as none: the task runs again."""
    state = _state(tmp_path)
    state.set("convert:a", "deps:", ())
    [path] = (tmp_path / "state").iterdir()
    path.write_bytes(content)
    assert not _state(tmp_path).in_("convert:a")
