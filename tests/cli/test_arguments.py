"""The arguments of the commands, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from rnnlite_pipeline.cli import arguments
from rnnlite_pipeline.cli.arguments import FOLDER, Positional
from rnnlite_pipeline.cli.commands import COMMANDS


def parsed(*words: str, of: tuple[click.Parameter, ...]) -> dict[str, Any]:
    """What a command with these arguments is called with."""
    command = click.Command("x", params=list(of), callback=lambda **values: values)
    found: dict[str, Any] = command.main(list(words), standalone_mode=False)
    return found


def test_the_arguments_of_a_stage() -> None:
    """Their defaults, and their short forms."""
    assert parsed("a.yaml", "b", of=arguments.STAGE) == {
        "configs": (Path("a.yaml"), Path("b")),
        "out": Path("build"),
        "jobs": 1,
        "force": False,
        "quiet": False,
        "verbose": False,
        "cache": "",
        "cluster": "",
        "format": None,
        "json": False,
    }
    told = parsed("a", "-n", "3", "-q", "-v", "--out", "o", "--json", of=arguments.STAGE)
    assert (told["jobs"], told["quiet"], told["verbose"], told["json"]) == (3, True, True, True)
    assert told["out"] == Path("o")


@pytest.mark.parametrize(
    ("words", "of"),
    [
        ([], arguments.STAGE),
        (["a", "-n", "0"], arguments.STAGE),
        (["a", "--format", "html"], arguments.STAGE),
        (["a", "--shards", "0"], (arguments.CONFIGS, arguments.SHARDS)),
        (["a"], arguments.DIFF),
        (["a", "b", "c"], arguments.DIFF),
        (["tcsh"], arguments.COMPLETION),
        (["weights"], arguments.SCHEMA),
        (["m", "--with", "vim"], arguments.VIEW),
        ([], arguments.SIGN),
    ],
)
def test_what_no_command_takes(words: list[str], of: tuple[click.Parameter, ...]) -> None:
    """Numbers below 1, words that are no choice, too few and too many."""
    with pytest.raises(click.UsageError):
        parsed(*words, of=of)


def test_custom_objects_are_read_as_pairs() -> None:
    """Several of them, each with its place; the place may hold an `=`."""
    words = ["m.keras", "--custom-object", "A=my.layers:A", "--custom-object", "B=m:b=c"]
    told = parsed(*words, of=arguments.INIT)
    assert told["custom_objects"] == [("A", "my.layers:A"), ("B", "m:b=c")]
    assert parsed("m.keras", of=arguments.INIT)["custom_objects"] == []


@pytest.mark.parametrize("word", ["A", "A=", "=m:A", "A=m", "A:m=x"])
def test_a_custom_object_has_a_name_and_a_place(word: str) -> None:
    """Else the call is wrong, and says what was expected."""
    with pytest.raises(click.BadParameter, match="expected NAME=MODULE:NAME, got"):
        parsed("m.keras", "--custom-object", word, of=arguments.INIT)


def test_a_positional_argument_has_a_help_text() -> None:
    """Its name in capitals, where no other label is given."""
    context = click.Context(click.Command("x"))
    assert Positional("file", "a file").get_help_record(context) == ("FILE", "a file")
    record = Positional("a", "b", metavar="[A]", required=False).get_help_record(context)
    assert record == ("[A]", "b")


def test_a_folder_is_completed_by_the_shell() -> None:
    """The shell knows folders better."""
    context = click.Context(click.Command("x"))
    (item,) = FOLDER.shell_complete(context, click.Option(["--out"]), "bu")
    assert (item.value, item.type) == ("bu", "dir")


def test_every_argument_is_explained() -> None:
    """In words, without a full stop, as the help and docs/cli.md write them."""
    for name, command in COMMANDS.items():
        for each in command.arguments:
            words = getattr(each, "words", None) or getattr(each, "help", None)
            assert words, (name, each.name)
            assert not words.endswith("."), (name, each.name)


def test_arguments_of_one_name_mean_the_same() -> None:
    """An option that several commands take is one object, or has the same form."""
    forms: dict[str, set[tuple[Any, ...]]] = {}
    for command in COMMANDS.values():
        for each in command.arguments:
            if isinstance(each, click.Option) and each.name not in ("key", "lock"):
                form = (tuple(each.opts), each.metavar, each.is_flag)
                forms.setdefault(str(each.name), set()).add(form)
    assert {name: found for name, found in forms.items() if len(found) > 1} == {}
