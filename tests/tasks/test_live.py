"""What is shown of the stages that run, while they run."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import pytest

from rnnlite_pipeline.steps import step
from rnnlite_pipeline.tasks import live as module
from rnnlite_pipeline.tasks.live import Live


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_steps_are_shown_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the running stage and its last step are shown; whole lines stay above."""
    monkeypatch.setattr("rnnlite_pipeline.tasks.live.SECONDS", 0.01)
    out, log = _Terminal(), tmp_path / "convert.log"
    live = Live(out)
    live.start("convert digits", log)
    log.write_text("noise\n")
    step("writing loops", 2, 5)
    log.write_text(capsys.readouterr().out)
    deadline = time.monotonic() + 5
    while "writing loops (2 of 5)" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    live.write("verify digits: start\n")
    live.stop("convert digits")
    live.close()
    text = out.getvalue()
    assert "convert digits" in text
    assert "writing loops (2 of 5)" in text
    assert "verify digits: start\n" in text


def test_steps_are_lines_where_asked_for(tmp_path: Path) -> None:
    """On what is no terminal, whole lines: with `-v` one for each new step, with `-q` none."""
    log = tmp_path / "log"
    log.write_text("step: of an earlier run\n")
    for settings, expected in (
        ({}, "a line\n"),
        ({"steps": True}, "a line\nconvert digits: compare (1 of 2)\n"),
        ({"quiet": True}, ""),
    ):
        out = io.StringIO()
        live = Live(out, **settings)
        live.write("a line\n")
        live.start("convert digits", log)
        with log.open("a") as file:
            file.write("step: compare (1 of 2)\nnoise\n")
        live.stop("convert digits")
        live.close()
        assert out.getvalue() == expected


def test_a_stage_without_a_log_has_no_steps() -> None:
    """It is shown as any other, and one that never began may be stopped."""
    out = io.StringIO()
    live = Live(out, steps=True)
    live.start("validate digits", None)
    live.stop("validate digits")
    live.stop("validate digits")
    live.close()
    live.write("after\n")
    assert out.getvalue() == "after\n"


def test_words_in_brackets_are_text(tmp_path: Path) -> None:
    """A terminal shows a label, a step and a line as they are: none is rich's markup."""
    out, log = _Terminal(), tmp_path / "log"
    live = Live(out)
    live.start("convert [red]a[/red]", log)
    log.write_text("step: layer [bold]\n")
    live._look()
    live.write("[/nonsense] line\n")
    live.stop("convert [red]a[/red]")
    live.close()
    assert "[/nonsense] line" in out.getvalue()


def test_a_stage_that_ends_while_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line goes after its step was shown: one that is gone cannot be updated."""
    monkeypatch.setattr(module, "SECONDS", 60.0)
    live = Live(_Terminal())
    progress = live._progress
    assert progress is not None
    for label in ("a", "b"):
        live.start(label, tmp_path / label)
        (tmp_path / label).write_text("step: one\n")
    update, ending = progress.update, list[threading.Thread]()

    def updating(line: int, step: str) -> None:
        thread = threading.Thread(target=live.stop, args=("b",))
        thread.start()
        thread.join(0.05)  # as long as another thread may have before this one goes on
        ending.append(thread)
        update(line, step=step)

    monkeypatch.setattr(progress, "update", updating)
    live._look()
    for thread in ending:
        thread.join()
    assert len(ending) == 2
    assert len(progress.tasks) == 1
    live.close()
