"""docs/cli.md, written from the commands: `python -m rnnlite_pipeline.cli.manual` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import click

from rnnlite_pipeline.cli.arguments import Command, Positional
from rnnlite_pipeline.cli.parser import usage


def manual(commands: Mapping[str, Command]) -> str:
    """The reference of every command as Markdown."""
    return "\n".join(line.rstrip() for line in _lines(commands)).rstrip() + "\n"


def _lines(commands: Mapping[str, Command]) -> Iterator[str]:
    yield "# The command line"
    yield ""
    yield "<!-- Written by `python -m rnnlite_pipeline.cli.manual`; a test keeps it fresh. -->"
    yield ""
    yield (
        "`python -m rnnlite_pipeline` is the same as `rnnlite`. Exit status: 0 done; 1 a stage "
        "failed; 2 the config or the call is wrong; 130 interrupted. Errors go to standard error; "
        "on GitHub Actions they are annotations of the config's lines as well."
    )
    yield ""
    yield (
        "With `--json`, standard output is one JSON value, and everything else goes to standard "
        "error. `rnnlite schema output` prints the JSON schema for each command. If the "
        'call itself is wrong, the value is `{"error": …}`.'
    )
    for name, command in commands.items():
        yield ""
        yield f"## rnnlite {name}"
        yield ""
        yield f"{command.help[0].upper()}{command.help[1:]}."
        yield ""
        yield "```text"
        yield usage(name, command)
        yield "```"
        yield ""
        if command.arguments:
            yield "| argument | what it is |"
            yield "| --- | --- |"
        for each in command.arguments:
            yield f"| `{_label(each)}` | {_words(each)} |"
        yield ""
        yield "```sh"
        yield from command.examples
        yield "```"


def _label(argument: click.Parameter) -> str:
    if isinstance(argument, Positional):
        return str(argument.metavar).strip("[]").replace("|", " \\| ")
    names = ", ".join(argument.opts)
    flag = isinstance(argument, click.Option) and argument.is_flag
    return names if flag else f"{names} {argument.metavar}"


def _words(argument: click.Parameter) -> str:
    repeated = " May be given several times." * (argument.multiple and argument.nargs == 1)
    text: str = getattr(argument, "words", "") or getattr(argument, "help", "")
    return f"{text}{'.' * bool(repeated)}{repeated}"


if __name__ == "__main__":
    from rnnlite_pipeline.cli import COMMANDS

    sys.stdout.write(manual(COMMANDS))
