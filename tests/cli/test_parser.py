"""From the table of commands to click's parser, help and completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest

from rnnlite_pipeline import __version__
from rnnlite_pipeline.cli.arguments import FORMAT, JOBS, JSON, Call, Command, Positional
from rnnlite_pipeline.cli.parser import (
    COMPLETE,
    completion,
    help_text,
    make_group,
    usage,
    wrong_calls,
)
from rnnlite_pipeline.errors import CallError

CALLS: list[Call] = []


def run(call: Call) -> int:
    """Keeps what it was called with; its status is 7."""
    CALLS.append(call)
    return 7


COMMANDS = {
    "bake": Command(
        "bake models",
        run,
        (Positional("files", "what is baked", nargs=-1, required=True, metavar="FILE..."), JOBS),
        ("rnnlite bake a", "rnnlite bake b"),
    ),
    "list": Command("list all", run, (FORMAT, JSON), ("rnnlite list",)),
}


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No call was made yet."""
    CALLS.clear()


def called(*words: str, program: Any = None) -> int:
    """Runs the command line of the two commands."""
    group = make_group(COMMANDS)
    with wrong_calls(), group.make_context("rnnlite", list(words), obj=program) as context:
        status: int = group.invoke(context)
        return status


def test_a_command_gets_its_arguments_and_returns_its_status() -> None:
    """Arguments that it does not take have their defaults; `stage_program` starts stages."""
    assert called("bake", "a", "b", "-n", "2", program=("python",)) == 7
    (call,) = CALLS
    assert (call.command, call.files, call.jobs) == ("bake", ("a", "b"), 2)
    assert call.stage_program == ("python",)
    assert (call.json, call.quiet, call.force, call.format) == (False, False, False, None)


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["bkae"], "There is no command bkae.", "Did you mean bake?"),
        (["BAKE"], "There is no command BAKE.", "Did you mean bake?"),
        (["zzz"], "There is no command zzz.", "There are bake, list."),
        (["bake"], "rnnlite bake needs FILE.", "See `rnnlite help bake`."),
        (
            ["list", "--jsn"],
            "rnnlite list has no option --jsn.",
            "Did you mean --json? See `rnnlite help list`.",
        ),
        (
            ["-q", "bake"],
            "rnnlite has no option -q.",
            "Options come after the command: `rnnlite convert -q CONFIG`. See `rnnlite help`.",
        ),
        (
            ["list", "--format", "html"],
            "rnnlite list: Invalid value for --format: html is not one of text, github.",
            "See `rnnlite help list`.",
        ),
        (["bake", "a", "-n", "x"], "rnnlite bake: Invalid value for -n: x is not", "See"),
        (["bake", "a", "-n"], "rnnlite bake: Option -n requires an argument.", "See"),
        (["list", "more"], "rnnlite list: Got unexpected extra argument (more).", "See"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(words: list[str], message: str, remedy: str) -> None:
    """The error is this project's own, and leads to the help of the command."""
    with pytest.raises(CallError) as caught:
        called(*words)
    assert caught.value.message.startswith(message)
    assert caught.value.remedy.startswith(remedy)
    assert CALLS == []


def test_other_errors_pass_through() -> None:
    """What a command raises is not a wrong call."""
    with pytest.raises(KeyError), wrong_calls():
        raise KeyError("x")


def test_a_usage_error_without_a_command_leads_to_the_whole_help() -> None:
    """There is nothing more exact to point to."""
    with pytest.raises(CallError) as caught, wrong_calls():
        raise click.UsageError("It is 'wrong'.")
    assert str(caught.value) == "rnnlite: It is wrong.\n  See `rnnlite help`."


def test_the_help_of_all_commands_is_in_their_order() -> None:
    """With the exit statuses at its end."""
    text = help_text(COMMANDS)
    assert text.startswith("Usage: rnnlite [OPTIONS] COMMAND")
    assert text.index("\n  bake ") < text.index("\n  list ")
    assert "Exit status: 0 done; 1 a stage failed" in " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("bake", ["Usage: rnnlite bake [OPTIONS] FILE...", "Bake models."]),
        ("bake", ["Arguments:\n  FILE...  what is baked\n\nOptions:\n  -n N "]),
        ("bake", ["examples:\n    rnnlite bake a\n    rnnlite bake b", "-h, --help"]),
        ("list", ["example:\n    rnnlite list", "--format FORMAT"]),
    ],
)
def test_the_help_of_a_command(name: str, parts: list[str]) -> None:
    """How it is called, what it does, its arguments, and examples."""
    text = help_text(COMMANDS, name)
    assert all(part in text for part in parts)


def test_usage_is_one_line() -> None:
    """As docs/cli.md has it."""
    assert usage("bake", COMMANDS["bake"]) == "rnnlite bake [OPTIONS] FILE..."
    assert usage("list", COMMANDS["list"]) == "rnnlite list [OPTIONS]"


def test_the_version_is_shown_by_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is run."""
    with pytest.raises(click.exceptions.Exit):
        called("--version")
    assert capsys.readouterr().out == f"rnnlite {__version__}\n"
    assert CALLS == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_asks_this_program_for_completions(shell: str) -> None:
    """By the variable that this program looks for."""
    script = completion(shell, COMMANDS)
    assert COMPLETE in script
    assert "rnnlite" in script
    assert script.endswith("\n")


def test_commands_keep_their_order() -> None:
    """Click would sort them by name."""
    reversed_ = dict(reversed(COMMANDS.items()))
    group = make_group(reversed_)
    assert group.list_commands(click.Context(group)) == ["list", "bake"]


def test_a_command_is_called_once_for_each_run() -> None:
    """A table can be used again and again: nothing is kept between two calls."""
    runs: list[Callable[[], int]] = [lambda: called("list"), lambda: called("list", "--json")]
    assert [each() for each in runs] == [7, 7]
    assert [call.json for call in CALLS] == [False, True]
