"""The arguments of each command. The parser, the help, the completion and docs/cli.md use them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from rnnlite_pipeline.cli.configs import ConfigType

#: The values of `--format`.
FORMATS = ("text", "github")

SHELLS = ("bash", "zsh", "fish")

#: The schemas that `rnnlite schema` prints.
SCHEMAS = ("config", "pipeline", "output")

#: A call: the arguments by name, `command`, and `stage_program`, which starts a stage.
Call = SimpleNamespace


class Command(NamedTuple):
    """One command.

    Attributes:
        help: What it does, in one line.
        run: The function that does it. It returns the exit status.
        arguments: Its arguments, in the order of the help.
        examples: Calls that work in a project with these files.
    """

    help: str
    run: Callable[[Call], int]
    arguments: tuple[click.Parameter, ...]
    examples: tuple[str, ...]


class Positional(click.Argument):
    """A positional argument with a help text, like an option."""

    def __init__(self, name: str, help: str, **settings: Any) -> None:  # noqa: A002  # as click's
        settings.setdefault("metavar", name.upper())
        super().__init__([name], **settings)
        self.words = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Its line in the help."""
        return str(self.metavar), self.words


class _Folder(click.Path):
    """A folder. The shell completes folders only; the command reports a path that is no folder."""

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Folders only."""
        return [CompletionItem(incomplete, type="dir")]


def _option(*names: str, **settings: Any) -> click.Option:
    return click.Option(list(names), **settings)


def _flag(*names: str, **settings: Any) -> click.Option:
    return click.Option(list(names), is_flag=True, **settings)


def _file(*names: str, **settings: Any) -> click.Option:
    return _option(*names, type=FILE, **{"metavar": "FILE", **settings})


def _custom_objects(
    _context: click.Context, _parameter: click.Parameter, words: Sequence[str]
) -> list[tuple[str, str]]:
    found = []
    for word in words:
        name, equals, target = word.partition("=")
        if not (name and equals and ":" in target):
            raise click.BadParameter(f"expected NAME=MODULE:NAME, got {word}")
        found.append((name, target))
    return found


FILE = click.Path(path_type=Path)
FOLDER = _Folder(path_type=Path)

CONFIGS = Positional(
    "configs",
    "a YAML file, one variant of it as CONFIG/VARIANT, or the name of a model of configs/",
    nargs=-1,
    required=True,
    type=ConfigType(),
    metavar="CONFIG...",
)
OUT = _option(
    "--out",
    type=FOLDER,
    default=Path("build"),
    metavar="DIR",
    help="works in DIR/NAME/ (default: build)",
)
JOBS = _option(
    "-n",
    "jobs",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="stages at a time (default: 1)",
)
FORCE = _flag("--force", help="runs every stage again, also stages that are up to date")
QUIET = _flag("-q", "--quiet", help="prints only errors")
VERBOSE = _flag("-v", "--verbose", help="prints every step of each stage")
LOCKED = _flag("--locked", help="fail if anything differs from the lock beside the config")
DUMP_PASSES = _option(
    "--dump-passes",
    type=FOLDER,
    default=None,
    metavar="DIR",
    help="convert again, and write the graph after each pass as text to DIR/NAME/",
)
JSON = _flag(
    "--json",
    "json",
    help="print JSON on standard output, and everything else on standard error;"
    " `rnnlite schema output` prints its schema",
)
FORMAT = _option(
    "--format",
    type=click.Choice(FORMATS),
    default=None,
    metavar="FORMAT",
    help="github: errors as annotations too, as on GitHub Actions; text (the default elsewhere)",
)
GITHUB = _flag(
    "--github", help="print the matrix of a GitHub workflow, as a line of $GITHUB_OUTPUT"
)
SHARDS = _option(
    "--shards",
    type=click.IntRange(min=1),
    default=8,
    metavar="N",
    help="jobs of that matrix, at most (default: 8)",
)
CACHE = _option(
    "--cache",
    default="",
    metavar="URL",
    help="shares finished stages: a folder, s3://, gs://, or http:// and https:// to read only",
)
CLUSTER = _option(
    "--cluster",
    default="",
    metavar="ADDRESS",
    help="runs the stages on a Dask cluster: tcp://HOST:PORT, or local[N] for N processes here",
)
STAGE = (CONFIGS, OUT, JOBS, FORCE, QUIET, VERBOSE, CACHE, CLUSTER, FORMAT, JSON)

_COMPARED = "a release (.zip), a model (.tflite) or a config (.yaml)"
DIFF = (
    Positional("first", _COMPARED, metavar="A", type=FILE),
    Positional("second", "what it is compared with", metavar="B", type=FILE),
    JSON,
)
INIT = (
    Positional("model", "a .keras, .h5 or .tflite file, or the folder of a SavedModel", type=FILE),
    _file(
        "-o", "to", default=None, help="the config (default: configs/NAME.yaml); never overwritten"
    ),
    _option(
        "--signature",
        default="",
        metavar="NAME",
        help="the signature of a SavedModel (default: serving_default)",
    ),
    _option(
        "--custom-object",
        "custom_objects",
        multiple=True,
        callback=_custom_objects,
        metavar="NAME=MODULE:NAME",
        help="a layer or function of your own that a Keras file needs, and where it is",
    ),
    QUIET,
    JSON,
)
VIEW = (
    Positional("file", "a config, or a .tflite file", type=FILE),
    OUT,
    _option(
        "--with",
        "viewer",
        type=click.Choice(("netron", "model-explorer")),
        default=None,
        metavar="VIEWER",
        help="model-explorer, with what verify and benchmark measured, or netron, which takes no"
        " figures (default: the one that is installed)",
    ),
    JSON,
)
TARGETS = (
    Positional(
        "names",
        "a target's name; all of them where none is given",
        nargs=-1,
        metavar="[TARGET...]",
    ),
    JSON,
)
BUNDLES = Positional(
    "bundles", "NAME-VERSION.zip", nargs=-1, required=True, type=FILE, metavar="BUNDLE..."
)
SIGN = (
    BUNDLES,
    _file(
        "--key",
        help="signs with this private key on an elliptic curve, PEM; its password, if it has one,"
        " stands in RNNLITE_KEY_PASSWORD",
    ),
    _file("--certificate", help="the certificate of the key, PEM"),
    _file("--chain", multiple=True, help="a certificate above it, PEM"),
    _flag(
        "--sigstore",
        help="signs by sigstore, which needs a network, with the identity of the CI or a browser",
    ),
    QUIET,
    JSON,
)
VERIFY_BUNDLE = (
    BUNDLES,
    _file("--key", help="the public key of whom you trust, PEM"),
    _file("--root", "roots", multiple=True, help="a root certificate that you trust, PEM"),
    _option(
        "--identity",
        default="",
        metavar="NAME",
        help="the identity that you trust, of a signature by sigstore",
    ),
    _option("--issuer", default="", metavar="URL", help="who must have vouched for that identity"),
    _flag("--unsigned", help="checks all but the signature"),
    _file("--lock", help="the lock that it must have been built to"),
    _file(
        "--rebuild",
        metavar="CONFIG",
        help="builds this config and compares the bytes; CONFIG/VARIANT for a variant",
    ),
    QUIET,
    JSON,
)
SCHEMA = (
    Positional(
        "of",
        "of a config (the default), of a pipeline, or of what `--json` prints",
        required=False,
        default="config",
        type=click.Choice(SCHEMAS),
        metavar="[config|pipeline|output]",
    ),
    JSON,
)
COMPLETION = (
    Positional("shell", ", ".join(SHELLS), type=click.Choice(SHELLS)),
    JSON,
)
HELP = (
    Positional(
        "topic", "a command; all of them where none is given", nargs=-1, metavar="[COMMAND]"
    ),
    JSON,
)
