"""The arguments of each command, in one table: parser, help, completion and docs/cli.md read it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from rnnlite_pipeline import __version__
from rnnlite_pipeline.errors import CallError

#: What can be asked for as `--format`.
FORMATS = ("text", "github")

SHELLS = ("bash", "zsh", "fish")


class Argument(NamedTuple):
    """One argument: its names, how its usage shows it, and what argparse needs to know."""

    names: tuple[str, ...]
    usage: str
    settings: Mapping[str, Any]


class Command(NamedTuple):
    """One command.

    Attributes:
        help: What it does, in one line.
        run: Does it, and gives the exit status.
        arguments: In the order of its usage.
        examples: Calls that work as they stand in a project with such files.
    """

    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]


def _argument(*names: str, usage: str, **settings: Any) -> Argument:
    return Argument(names, usage, settings)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of stages, 1 or more")
    return int(text)


def _shards(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of jobs, 1 or more")
    return int(text)


def _custom_object(text: str) -> tuple[str, str]:
    name, equals, target = text.partition("=")
    if not (name and equals and ":" in target):
        raise argparse.ArgumentTypeError(f"expected NAME=MODULE:NAME, got {text}")
    return name, target


CONFIGS = _argument(
    "configs", usage="CONFIG...", nargs="+", type=Path, metavar="CONFIG", help="a YAML file"
)
OUT = _argument(
    "--out",
    usage="[--out DIR]",
    type=Path,
    default=Path("build"),
    metavar="DIR",
    help="works in DIR/NAME/ (default: build)",
)
JOBS = _argument(
    "-n",
    usage="[-n N]",
    dest="jobs",
    type=_jobs,
    default=1,
    metavar="N",
    help="stages at a time (default: 1)",
)
LOCKED = _argument(
    "--locked",
    usage="[--locked]",
    action="store_true",
    help="fail if anything differs from the lock beside the config",
)
DUMP_PASSES = _argument(
    "--dump-passes",
    usage="[--dump-passes DIR]",
    type=Path,
    default=None,
    metavar="DIR",
    help="convert anew, and write the graph after each pass as text to DIR/NAME/",
)
JSON = _argument(
    "--json",
    usage="[--json]",
    action="store_true",
    help="print JSON on standard output; all else goes to standard error",
)
FORMAT = _argument(
    "--format",
    usage="[--format FORMAT]",
    choices=FORMATS,
    default=None,
    metavar="FORMAT",
    help="github: errors as annotations too, as on GitHub Actions; text (the default elsewhere)",
)
GITHUB = _argument(
    "--github",
    usage="[--github]",
    action="store_true",
    help="print the matrix of a GitHub workflow, as a line of $GITHUB_OUTPUT",
)
SHARDS = _argument(
    "--shards",
    usage="[--shards N]",
    type=_shards,
    default=8,
    metavar="N",
    help="jobs of that matrix, at most (default: 8)",
)
CACHE = _argument(
    "--cache",
    usage="[--cache URL]",
    default="",
    metavar="URL",
    help="shares finished stages: a folder, s3://, gs://, or http:// and https:// to read only",
)
CLUSTER = _argument(
    "--cluster",
    usage="[--cluster ADDRESS]",
    default="",
    metavar="ADDRESS",
    help="runs the stages on a Dask cluster: tcp://HOST:PORT, or local[N] for N processes here",
)
STAGE = (CONFIGS, OUT, JOBS, CACHE, CLUSTER, FORMAT)

_COMPARED = "a release (.zip), a model (.tflite) or a config (.yaml)"
DIFF = (
    _argument("first", usage="A", type=Path, metavar="A", help=_COMPARED),
    _argument("second", usage="B", type=Path, metavar="B", help="what it is compared with"),
    JSON,
)
INIT = (
    _argument(
        "model",
        usage="MODEL",
        type=Path,
        metavar="MODEL",
        help="a .keras, .h5 or .tflite file, or the folder of a SavedModel",
    ),
    _argument(
        "-o",
        usage="[-o FILE]",
        dest="to",
        type=Path,
        default=None,
        metavar="FILE",
        help="the config (default: configs/NAME.yaml); never overwritten",
    ),
    _argument(
        "--signature",
        usage="[--signature NAME]",
        default="",
        metavar="NAME",
        help="the signature of a SavedModel (default: serving_default)",
    ),
    _argument(
        "--custom-object",
        usage="[--custom-object NAME=MODULE:NAME]...",
        dest="custom_objects",
        type=_custom_object,
        action="append",
        default=[],
        metavar="NAME=MODULE:NAME",
        help="a layer or function of your own that a Keras file needs, and where it is",
    ),
)
VIEW = (
    _argument("file", usage="FILE", type=Path, metavar="FILE", help="a config, or a .tflite file"),
    OUT,
    _argument(
        "--with",
        usage="[--with VIEWER]",
        dest="viewer",
        choices=("netron", "model-explorer"),
        default=None,
        metavar="VIEWER",
        help="model-explorer, with what verify and benchmark measured, or netron, which takes no"
        " figures (default: the one that is installed)",
    ),
)
TARGETS = (
    _argument(
        "names",
        usage="[TARGET...]",
        nargs="*",
        metavar="TARGET",
        help="a target's name; all of them where none is given",
    ),
    JSON,
)
BUNDLES = _argument(
    "bundles", usage="BUNDLE...", nargs="+", type=Path, metavar="BUNDLE", help="NAME-VERSION.zip"
)


def _file(name: str, usage: str, text: str) -> Argument:
    return _argument(name, usage=usage, type=Path, default=None, metavar="FILE", help=text)


SIGN = (
    BUNDLES,
    _file(
        "--key",
        usage="[--key FILE]",
        text="signs with this private key on an elliptic curve, PEM; its password, if it has one,"
        " stands in RNNLITE_KEY_PASSWORD",
    ),
    _file("--certificate", usage="[--certificate FILE]", text="the certificate of the key, PEM"),
    _argument(
        "--chain",
        usage="[--chain FILE]...",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a certificate above it, PEM",
    ),
    _argument(
        "--sigstore",
        usage="[--sigstore]",
        action="store_true",
        help="signs by sigstore, which needs a network, with the identity of the CI or a browser",
    ),
)
VERIFY_BUNDLE = (
    BUNDLES,
    _file("--key", usage="[--key FILE]", text="the public key of whom you trust, PEM"),
    _argument(
        "--root",
        usage="[--root FILE]...",
        dest="roots",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a root certificate that you trust, PEM",
    ),
    _argument(
        "--identity",
        usage="[--identity NAME]",
        default="",
        metavar="NAME",
        help="the identity that you trust, of a signature by sigstore",
    ),
    _argument(
        "--issuer",
        usage="[--issuer URL]",
        default="",
        metavar="URL",
        help="who must have vouched for that identity",
    ),
    _argument(
        "--unsigned",
        usage="[--unsigned]",
        action="store_true",
        help="checks all but the signature",
    ),
    _file("--lock", usage="[--lock FILE]", text="the lock that it must have been built to"),
    _file(
        "--rebuild",
        usage="[--rebuild CONFIG]",
        text="builds this config and compares the bytes; CONFIG/VARIANT for a variant",
    ),
)
COMPLETION = (
    _argument("shell", usage="SHELL", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS)),
)


class _Parser(argparse.ArgumentParser):
    """argparse, with its errors in this project's form."""

    def error(self, message: str) -> NoReturn:
        said = message.replace("the following arguments are required:", "missing:")
        raise CallError(f"{said[:1].upper()}{said[1:]}.", f"See {self.prog} --help")


def make_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    listed = "\n".join(f"  {name:<15}{command.help}" for name, command in commands.items())
    parser = _Parser(
        prog="rnnlite",
        usage="rnnlite COMMAND ...",
        description="Recurrent TensorFlow models to LiteRT's fused ops, by reviewed YAML config.",
        epilog=f"commands:\n{listed}\n\n`rnnlite COMMAND --help` says more about a command. "
        "Exit status: 0 done;\n1 a stage failed; 2 the config or the call is wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rnnlite {__version__}")
    made = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="rnnlite"
    )
    for name, command in commands.items():
        _add(made.add_parser, name, command)
    return parser


def usage(name: str, command: Command) -> str:
    """How a command is called, in one line."""
    return " ".join(["rnnlite", name, *(each.usage for each in command.arguments)])


def _add(add_parser: Callable[..., argparse.ArgumentParser], name: str, command: Command) -> None:
    examples = "".join(f"\n  {example}" for example in command.examples)
    parser = add_parser(
        name,
        help=command.help,
        usage=usage(name, command),
        description=f"{command.help[0].upper()}{command.help[1:]}.",
        epilog=f"example{'s' * (len(command.examples) > 1)}:{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(locked=False, json=False, format=None, dump_passes=None)
    for each in command.arguments:
        parser.add_argument(*each.names, **each.settings)
