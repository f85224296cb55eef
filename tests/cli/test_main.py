"""The `rnnlite` command: from words to a command, from errors to an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.cli import main as main_module
from rnnlite_pipeline.cli.arguments import JSON, Call, Command, Positional
from rnnlite_pipeline.cli.main import INTERRUPTED, main
from rnnlite_pipeline.cli.parser import COMPLETE
from rnnlite_pipeline.errors import ConfigError, Problem, RnnliteError, StageError

Given = Callable[[Callable[[Call], int]], None]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Makes `rnnlite work FILE...` do something."""

    def make(run: Callable[[Call], int]) -> None:
        files = Positional("files", "what it works on", nargs=-1)
        module = sys.modules[main_module.__module__]
        made = {"work": Command("work", run, (files, JSON), ("rnnlite work a",))}
        monkeypatch.setattr(module, "COMMANDS", made)

    return make


def raising(error: BaseException) -> Callable[[Call], int]:
    """A command that raises."""

    def run(_call: Call) -> int:
        raise error

    return run


def test_the_status_of_a_command_is_that_of_the_program(command: Given) -> None:
    """What starts a stage is handed on to it; the words are not changed."""
    calls: list[Call] = []
    command(lambda call: calls.append(call) or 3)  # type: ignore[func-returns-value]
    words = ["work", "a", "b"]
    assert main(words, ("python", "stage.py")) == 3
    assert words == ["work", "a", "b"]
    assert calls[0].stage_program == ("python", "stage.py")
    assert calls[0].files == ("a", "b")


def test_the_words_of_the_process_are_the_default(
    command: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand behind the program's name."""
    command(lambda call: len(call.files))
    monkeypatch.setattr("sys.argv", ["rnnlite", "work", "a", "b"])
    assert main() == 2


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StageError("It failed.", "Do this."), 1, "error: It failed.\n  Do this.\n"),
        (
            ConfigError(Path("c.yaml"), [Problem(2, 3, "k", "wrong")]),
            2,
            "error: c.yaml:2:3: k: wrong\n",
        ),
        (PermissionError(13, "Permission denied", "/x"), 1, "error: /x: Permission denied.\n"),
        (OSError("no route"), 1, "error: no route.\n"),
        (KeyboardInterrupt(), INTERRUPTED, "error: interrupted\n"),
    ],
)
def test_an_error_is_a_message_and_a_status(
    command: Given, capsys: pytest.CaptureFixture[str], error: Any, status: int, said: str
) -> None:
    """On standard error, without a traceback."""
    command(raising(error))
    assert main(["work"]) == status
    captured = capsys.readouterr()
    assert captured.err.startswith(said)
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_error_is_json_where_json_was_asked_for(
    command: Given, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the place of each problem, beside the message on standard error."""
    problem = Problem(2, 3, "k", "wrong")
    command(raising(ConfigError(Path("c.yaml"), [problem], "Mend it.")))
    assert main(["work", "--json"]) == 2
    captured = capsys.readouterr()
    (found,) = json.loads(captured.out).values()
    assert (found["status"], found["remedy"]) == (2, "Mend it.")
    assert found["problems"] == [
        {"file": "c.yaml", "line": 2, "column": 3, "key": "k", "message": "wrong"}
    ]
    assert captured.err.startswith("error: c.yaml:2:3")


def test_a_fault_of_this_program_is_not_hidden(command: Given) -> None:
    """Its traceback belongs into a report."""
    command(raising(KeyError("x")))
    with pytest.raises(KeyError):
        main(["work"])


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, as the call is wrong."""
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("Usage: rnnlite [OPTIONS] COMMAND")
    assert captured.out == ""


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], ["schema", "--help"]])
def test_help_and_version_are_no_errors(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """They go to standard output."""
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


def test_a_reader_that_has_seen_enough_is_no_error(
    command: Given, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What Python would still write at its exit goes nowhere."""
    command(raising(BrokenPipeError()))
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert main(["work"]) == 0
        assert os.fstat(out.fileno()).st_rdev == Path(os.devnull).stat().st_rdev


def test_a_shell_gets_its_completions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the environment, without running a command."""
    for name, value in {
        COMPLETE: "bash_complete",
        "COMP_WORDS": "rnnlite conv",
        "COMP_CWORD": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    assert capsys.readouterr().out == "plain,convert\n"


def test_every_error_of_this_project_has_a_status() -> None:
    """1 or 2: what the manual says."""
    pending, statuses = [RnnliteError], set()
    while pending:
        kind = pending.pop()
        statuses.add(kind.exit_status)
        pending += kind.__subclasses__()
    assert statuses == {1, 2}
