"""docs/cli.md, from the commands themselves; `python -m rnnlite_pipeline.cli.manual` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from rnnlite_pipeline.cli.arguments import Command, usage


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
            label = each.usage.removesuffix("...").strip("[]")
            yield f"| `{label}` | {each.settings['help']} |"
        yield ""
        yield "```sh"
        yield from command.examples
        yield "```"


if __name__ == "__main__":
    from rnnlite_pipeline.cli import COMMANDS

    sys.stdout.write(manual(COMMANDS))
