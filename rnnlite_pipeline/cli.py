"""The `rnnlite` command: from arguments to tasks, from errors to an exit status.

Each command imports what it needs when it runs, so that `--help` and `validate` are quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from rnnlite_pipeline import __version__
from rnnlite_pipeline.errors import CallError, RnnliteError
from rnnlite_pipeline.names import did_you_mean

#: Exit status of a program ended by Ctrl-C, by the shells' convention.
INTERRUPTED = 130

_OUT = Path("build")


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
        return _fail(str(error), error.exit_status)
    except BrokenPipeError:  # the reader of a pipe has seen enough; nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)


def _run(arguments: Sequence[str], stage_program: Sequence[str] | None) -> int:
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    if arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        raise CallError(
            f"There is no command {arguments[0]}.", did_you_mean(arguments[0], COMMANDS)
        )
    call = parser.parse_args(arguments, argparse.Namespace(stage_program=stage_program))
    return COMMANDS[call.command].run(call)


def _fail(message: str, status: int) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"error: {message}\n")
    return status


def _validate(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.config import check, load_config

    def validate(path: Path) -> None:
        check(load_config(path))
        sys.stdout.write(f"{path}: valid\n")

    return _each(call.configs, validate)


def _stage(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.tasks.child import COMMAND
    from rnnlite_pipeline.tasks.plan import Plan, load_plan, same_name
    from rnnlite_pipeline.tasks.run import run_stages

    plans: dict[str, Plan] = {}

    def add(path: Path) -> None:
        plan = load_plan(path, call.out)
        known = plans.setdefault(plan.name, plan)
        if known.path != plan.path:
            raise same_name(plan.name, known.path, plan.path)

    if status := _each(call.configs, add):
        return status
    call.out.mkdir(parents=True, exist_ok=True)
    program = call.stage_program or COMMAND
    models = list(plans.values())

    def run(stage: str) -> int:
        return run_stages(stage, models, call.out, call.jobs, program)

    if call.command == "lock" or call.locked:
        from rnnlite_pipeline.locked import run_locked, write_locks

        return (
            write_locks(models, run)
            if call.command == "lock"
            else run_locked(call.command, models, run)
        )
    return run(call.command)


def _each(configs: Sequence[Path], work: Callable[[Path], None]) -> int:
    """Do something for every config, so that all that is wrong with any is told at once."""
    status = 0
    for path in configs:
        try:
            work(path)
        except RnnliteError as error:
            status = max(status, _fail(str(error), error.exit_status))
    return status


def _diff(call: argparse.Namespace) -> int:
    from rnnlite_pipeline.diff import run_diff

    return run_diff(call.first, call.second, as_json=call.json)


def _schema(call: argparse.Namespace) -> int:  # noqa: ARG001
    from rnnlite_pipeline.config import schema_text

    sys.stdout.write(schema_text())
    return 0


_CONFIGS = "CONFIG... [--out DIR] [-n N]"
_LOCKED = f"{_CONFIGS} [--locked]"


class _Command(NamedTuple):
    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: str = _CONFIGS


#: Every command, in the order of its help.
COMMANDS = {
    "validate": _Command("check configs and the files they name", _validate, "CONFIG..."),
    "inspect": _Command("show what a model holds and how each layer will be lowered", _stage),
    "convert": _Command("convert models to .tflite", _stage, _LOCKED),
    "verify": _Command("compare converted models with their sources", _stage, _LOCKED),
    "package": _Command(
        "run every stage of the pipeline and make the release bundle", _stage, _LOCKED
    ),
    "lock": _Command("write what a model is built from, and what comes out, to its lock", _stage),
    "diff": _Command("compare two releases, models or configs", _diff, "A B [--json]"),
    "benchmark": _Command("measure latency, size and memory beside the stock conversion", _stage),
    "schema": _Command("print the JSON schema of a config", _schema, ""),
}


class _Parser(argparse.ArgumentParser):
    """argparse, with its errors in this project's form."""

    def error(self, message: str) -> NoReturn:
        raise CallError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<12}{command.help}" for name, command in COMMANDS.items())
    parser = _Parser(
        prog="rnnlite",
        usage="rnnlite COMMAND CONFIG... [--out DIR] [-n N]",
        description="Recurrent TensorFlow models to LiteRT's fused ops, by reviewed YAML config.",
        epilog=f"commands:\n{listed}\n\n`rnnlite COMMAND --help` says more about a command. "
        "Exit status: 0 done;\n1 a stage failed; 2 the config or the call is wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rnnlite {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, command in COMMANDS.items():
        _add(commands.add_parser, name, command)
    return parser


def _add(add_parser: Callable[..., argparse.ArgumentParser], name: str, command: _Command) -> None:
    takes_configs = command.arguments.startswith("CONFIG")
    example = f"rnnlite {name}" + (" configs/digits-bilstm.yaml" if takes_configs else "")
    if name == "diff":
        example = f"rnnlite {name} digits-1.0.0.zip digits-1.1.0.zip"
    parser = add_parser(
        name,
        help=command.help,
        usage=f"rnnlite {name} {command.arguments}".rstrip(),
        description=f"{command.help[0].upper()}{command.help[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if takes_configs:
        parser.add_argument("configs", nargs="+", type=Path, metavar="CONFIG", help="a YAML file")
    if name == "diff":
        what = "a release (.zip), a model (.tflite) or a config (.yaml)"
        parser.add_argument("first", type=Path, metavar="A", help=what)
        parser.add_argument("second", type=Path, metavar="B", help="what it is compared with")
        parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(locked=False)
    if "--locked" in command.arguments:
        parser.add_argument(
            "--locked",
            action="store_true",
            help="fail if anything differs from the lock beside the config",
        )
    if "--out" in command.arguments:
        parser.add_argument(
            "--out",
            type=Path,
            default=_OUT,
            metavar="DIR",
            help="works in DIR/NAME/ (default: build)",
        )
        parser.add_argument(
            "-n",
            dest="jobs",
            type=_jobs,
            default=1,
            metavar="N",
            help="stages at a time (default: 1)",
        )


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of stages, 1 or more")
    return int(text)
