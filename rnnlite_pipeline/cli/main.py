"""The `rnnlite` command: from words to a command, from errors to an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from rnnlite_pipeline.cli.arguments import make_parser
from rnnlite_pipeline.cli.commands import COMMANDS
from rnnlite_pipeline.cli.failure import failed
from rnnlite_pipeline.errors import CallError, RnnliteError, did_you_mean, of_system

#: Exit status of a program ended by Ctrl-C, by the shells' convention.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, stage_program: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `rnnlite`; those of this process where None.
        stage_program: What starts a stage; this package's own where None.

    Returns:
        0 done; 1 a stage failed; 2 the config or the call is wrong; 130 interrupted.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments, stage_program)
    except RnnliteError as error:
        return failed(str(error), error.exit_status)
    except BrokenPipeError:  # the reader of a pipe has seen enough; nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return failed(str(of_system(error)), 1)
    except KeyboardInterrupt:
        return failed("interrupted", INTERRUPTED)


def _run(arguments: Sequence[str], stage_program: Sequence[str] | None) -> int:
    parser = make_parser(COMMANDS)
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    if arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        raise CallError(
            f"There is no command {arguments[0]}.", did_you_mean(arguments[0], COMMANDS)
        )
    call = parser.parse_args(arguments, argparse.Namespace(stage_program=stage_program))
    return COMMANDS[call.command].run(call)
