"""Makes click's parser, help and completion from the table of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
from click.shell_completion import get_completion_class

from rnnlite_pipeline import __version__
from rnnlite_pipeline.cli.arguments import Call, Command
from rnnlite_pipeline.errors import CallError, did_you_mean

#: The environment variable with which a shell asks for completions; click defines its name.
COMPLETE = "_RNNLITE_COMPLETE"

_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_STATUS = (
    "Exit status: 0 done; 1 a stage failed; 2 the config or the call is wrong; 130 interrupted."
)


class _Group(click.Group):
    """All commands in the order of the table, with our own error for an unknown command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise CallError(
                f"There is no command {args[0]}.", did_you_mean(args[0], self.list_commands(ctx))
            )
        return super().resolve_command(ctx, args)


class _Command(click.Command):
    """A command that adds itself to click's errors: some of them are raised without a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes nothing: `format_options` writes both, as click before 8.5 calls only that."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the positional arguments, then the options, each with its help text."""
        for title, kind in (("Arguments", click.Argument), ("Options", click.Option)):
            found = [each for each in self.get_params(ctx) if isinstance(each, kind)]
            if records := [line for each in found if (line := each.get_help_record(ctx))]:
                with formatter.section(title):
                    formatter.write_dl(records)


def make_group(commands: Mapping[str, Command]) -> click.Group:
    """The whole command line. A command returns its exit status; `ctx.obj` is the stage program."""
    group = _Group(
        "rnnlite",
        help="Recurrent TensorFlow models to LiteRT's fused ops, by reviewed YAML config.",
        epilog=f"`rnnlite help COMMAND` says more about a command. {_STATUS}",
        context_settings=_SETTINGS,
        params=[_version()],
    )
    for name, command in commands.items():
        group.add_command(_command(name, command))
    return group


def help_text(commands: Mapping[str, Command], name: str = "") -> str:
    """The help of a command, or of the whole command line."""
    group = make_group(commands)
    with click.Context(group, info_name="rnnlite", **_SETTINGS) as context:
        if not name:
            return f"{group.get_help(context)}\n"
        command = group.commands[name]
        with click.Context(command, info_name=name, parent=context, **_SETTINGS) as below:
            return f"{command.get_help(below)}\n"


def completion(shell: str, commands: Mapping[str, Command]) -> str:
    """The script with which a shell asks this program for completions."""
    kind = get_completion_class(shell)
    assert kind is not None  # `SHELLS` has only shells that click knows
    return kind(make_group(commands), {}, "rnnlite", COMPLETE).source() + "\n"


def usage(name: str, command: Command) -> str:
    """The usage of a command, in one line."""
    made = _command(name, command)
    context = click.Context(made, info_name=f"rnnlite {name}")
    return " ".join([context.command_path, *made.collect_usage_pieces(context)])


@contextmanager
def wrong_calls() -> Iterator[None]:
    """Turns click's errors into `CallError`, which refers to the help of the command."""
    try:
        yield
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "rnnlite"
        see = f"See `rnnlite help{path.removeprefix('rnnlite')}`."
        if isinstance(error, click.NoSuchOption) and error.ctx:
            flags = [name for each in error.ctx.command.get_params(error.ctx) for name in each.opts]
            known = [name for name in flags if name.startswith("--")]
            message = f"{path} has no option {error.option_name}."
            hint = did_you_mean(error.option_name, known)
            if path == "rnnlite":
                hint = "Options come after the command: `rnnlite convert -q CONFIG`."
            see = f"{hint} {see}"
        elif isinstance(error, click.MissingParameter) and error.param:
            wanted = str(error.param.metavar or error.param.name).rstrip(".")
            message = f"{path} needs {wanted}."
        else:
            message = f"{path}: {error.format_message().replace(chr(39), '').rstrip('.')}."
        raise CallError(message, see) from None


def _version() -> click.Option:
    def show(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
        if asked:
            click.echo(f"rnnlite {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help="Show the version.",
    )


def _command(name: str, command: Command) -> click.Command:
    plural = "s" * (len(command.examples) > 1)
    examples = "".join(f"\n  {example}" for example in command.examples)
    return _Command(
        name,
        params=list(command.arguments),
        callback=partial(_called, name, command.run),
        help=f"{command.help[0].upper()}{command.help[1:]}.",
        short_help=command.help,
        epilog=f"\b\nexample{plural}:{examples}",
        context_settings=_SETTINGS,
    )


def _called(name: str, run: Callable[[Call], int], **arguments: Any) -> int:
    program = click.get_current_context().obj
    return run(Call(command=name, stage_program=program, **{**_DEFAULTS, **arguments}))


#: The values of arguments that a command does not have.
_DEFAULTS = {
    "locked": False,
    "json": False,
    "format": None,
    "dump_passes": None,
    "force": False,
    "quiet": False,
    "verbose": False,
}
