"""docs/cli.md, from the table of commands."""

from __future__ import annotations

import click
import pytest

from rnnlite_pipeline.cli.arguments import Command, Positional
from rnnlite_pipeline.cli.manual import _label, _words, manual

COMMANDS = {
    "bake": Command(
        "bake models",
        lambda _: 0,
        (
            Positional("of", "what is baked", metavar="[cake|bread]", required=False),
            click.Option(["-n", "jobs"], metavar="N", help="how many"),
            click.Option(["--with"], metavar="NAME", multiple=True, help="an ingredient"),
            click.Option(["-q", "--quiet"], is_flag=True, help="says nothing"),
        ),
        ("rnnlite bake cake", "rnnlite bake bread -q"),
    ),
    "rest": Command("do nothing", lambda _: 0, (), ("rnnlite rest",)),
}


def test_each_command_has_its_section() -> None:
    """Usage, arguments and examples; none of a command that takes nothing."""
    text = manual(COMMANDS)
    bake, rest = text.split("## rnnlite ")[1:]
    assert bake.startswith("bake\n\nBake models.\n\n```text\nrnnlite bake [OPTIONS] [cake|bread]\n")
    assert "| `-n N` | how many |\n" in bake
    assert bake.rstrip().endswith("```sh\nrnnlite bake cake\nrnnlite bake bread -q\n```")
    assert "| argument |" in bake
    assert "| argument |" not in rest


def test_the_page_says_how_a_call_ends() -> None:
    """Exit statuses and JSON, once, above all commands; no line has blanks at its end."""
    text = manual(COMMANDS)
    assert "130 interrupted" in text.partition("## rnnlite bake")[0]
    assert "`rnnlite schema output`" in text.partition("## rnnlite bake")[0]
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert text.endswith("```\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    ("place", "label", "words"),
    [
        (0, "cake \\| bread", "what is baked"),
        (1, "-n N", "how many"),
        (2, "--with NAME", "an ingredient. May be given several times."),
        (3, "-q, --quiet", "says nothing"),
    ],
)
def test_an_argument_has_its_names_and_words(place: int, label: str, words: str) -> None:
    """A bar does not end a cell; what may be repeated says so."""
    argument = COMMANDS["bake"].arguments[place]
    assert (_label(argument), _words(argument)) == (label, words)
