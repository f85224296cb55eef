"""The `rnnlite` command: runs a command line, and turns errors into messages and statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from rnnlite_pipeline.cli.commands import COMMANDS
from rnnlite_pipeline.cli.failure import failed, print_json
from rnnlite_pipeline.cli.output import error_json
from rnnlite_pipeline.cli.parser import COMPLETE, help_text, make_group, wrong_calls
from rnnlite_pipeline.errors import RnnliteError, of_system

#: The exit status after Ctrl-C, as shells define it.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, stage_program: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `rnnlite`; if None, those of this process.
        stage_program: The program that runs a stage; if None, this package's own.

    Returns:
        0 done; 1 a stage failed; 2 the config or the call is wrong; 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # pydantic would read what every installed package offers, in search of plugins for itself.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        return _run(words, stage_program)
    except RnnliteError as error:
        return _failed(error, words)
    except BrokenPipeError:  # the reader has closed the pipe; nothing is flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(of_system(error), words)
    except KeyboardInterrupt:
        return failed("interrupted", INTERRUPTED)


def _run(words: list[str], stage_program: Sequence[str] | None) -> int:
    group = make_group(COMMANDS)
    if asked := os.environ.get(COMPLETE):
        return shell_complete(group, {}, "rnnlite", COMPLETE, asked)
    if not words:
        sys.stderr.write(help_text(COMMANDS))
        return 2
    try:
        with (
            wrong_calls(),
            group.make_context("rnnlite", words[:], obj=stage_program) as context,
        ):
            status: int = group.invoke(context)
            return status
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _failed(error: RnnliteError, words: Sequence[str]) -> int:
    """Prints an error that concerns the whole call; also as JSON if JSON was asked for."""
    status = failed(str(error), error.exit_status)
    if "--json" in words:
        print_json({"error": error_json(error)})
    return status
