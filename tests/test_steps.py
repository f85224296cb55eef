"""The steps of a stage, told to a log and read while it grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.steps import Steps, step


def test_a_step_is_counted_where_it_is_one_of_several(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a count its line ends with what begins."""
    step("importing")
    step("running", 2, 5)
    assert capsys.readouterr().out == "step: importing\nstep: running (2 of 5)\n"


def test_each_step_is_read_once_and_only_when_its_line_is_whole(tmp_path: Path) -> None:
    """Other lines are left out, and half of a line waits for its end."""
    log = tmp_path / "log"
    steps = Steps(log)
    assert steps.new() == []
    log.write_text("step: one\nwarning: step: none\nstep: tw")
    assert steps.new() == ["one"]
    assert steps.new() == []
    with log.open("a") as file:
        file.write("o\n")
    assert steps.new() == ["two"]


def test_bytes_that_are_no_text_hide_no_step(tmp_path: Path) -> None:
    """A library may print anything into the log."""
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe\nstep: on\n")
    assert Steps(log).new() == ["on"]
