"""The output of each command with `--json`: the types, and their JSON schema.

A call that cannot run at all, for example with an unknown flag, prints `{"error": ...}` for every
command. Keys may be added. Existing keys keep their meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from rnnlite_pipeline.errors import ConfigError, RnnliteError
from rnnlite_pipeline.files import near


class ProblemJson(TypedDict):
    """One thing that is wrong in a file: `line` and `column` count from 1, 0 where unknown."""

    file: str
    line: int
    column: int
    key: str
    message: str


class ErrorJson(TypedDict):
    """Why something failed: `status` is the exit status that belongs to it, 1 or 2."""

    message: str
    remedy: str
    status: int
    problems: list[ProblemJson]


class CallErrorJson(TypedDict):
    """What is printed if the whole call is wrong."""

    error: ErrorJson


class ValidJson(TypedDict):
    """Of one config: whether it is valid, and all its problems."""

    config: str
    valid: bool
    problems: list[ProblemJson]


class FileJson(TypedDict):
    """A file that was made."""

    path: str
    bytes: int


class StageJson(TypedDict):
    """Of one release: what became of the stage that was asked for.

    `status` is that of the stage; `error` is set if it, or a stage before it, failed. `result` is
    the content of inspect.json, verification.json or benchmark.json, for these stages; else null.
    `name` is null where the config could not be read.
    """

    name: str | None
    config: str
    status: Literal["done", "up to date", "failed"]
    seconds: float
    error: ErrorJson | None
    files: list[FileJson]
    result: dict[str, Any] | None


class BundleJson(TypedDict):
    """Of one bundle: what was made of it, and each check that passed, in words."""

    bundle: str
    error: ErrorJson | None
    files: list[FileJson]
    checks: list[str]


class FilesJson(TypedDict):
    """The files that were written."""

    files: list[FileJson]


class ViewJson(TypedDict):
    """What is opened, and in which viewer."""

    model: str
    viewer: str
    overlays: list[str]


class CompletionJson(TypedDict):
    """The script, and the shell that it is for."""

    shell: str
    script: str


class HelpJson(TypedDict):
    """The help of a command, or of all of them: then `command` is empty."""

    command: str
    help: str


class PlanJson(TypedDict):
    """The plan: `rnnlite_pipeline/fleet/plan.py` describes it."""

    plan: int
    rnnlite: str
    releases: list[dict[str, Any]]
    stages: list[dict[str, Any]]


#: The type of each command's output; a plain dict or list where a file format defines it.
OUTPUTS: Mapping[str, Any] = {
    "init": FilesJson,
    "validate": list[ValidJson],
    **dict.fromkeys(
        ("inspect", "convert", "verify", "report", "package", "lock", "benchmark"),
        list[StageJson],
    ),
    "plan": PlanJson,
    "diff": dict[str, Any],
    "sign": list[BundleJson],
    "verify-bundle": list[BundleJson],
    "bom": list[BundleJson],
    "view": ViewJson,
    "schema": dict[str, Any],
    "targets": list[dict[str, Any]],
    "completion": CompletionJson,
    "help": HelpJson,
}


def error_json(error: RnnliteError) -> ErrorJson:
    """An error, with the place of each problem of a config."""
    return {
        "message": error.message,
        "remedy": error.remedy,
        "status": error.exit_status,
        "problems": problems_json(error),
    }


def problems_json(error: RnnliteError) -> list[ProblemJson]:
    """The problems of a config; empty for another error."""
    if not isinstance(error, ConfigError):
        return []
    return [
        {
            "file": str(error.path),
            "line": each.line,
            "column": each.column,
            "key": each.key,
            "message": each.message,
        }
        for each in error.details
    ]


def files_json(paths: Iterable[Path]) -> list[FileJson]:
    """The files that exist, with their sizes."""
    return [
        {"path": str(near(path)), "bytes": path.stat().st_size} for path in paths if path.is_file()
    ]


def output_schema() -> dict[str, Any]:
    """The JSON schema, draft 2020-12, of the output of each command: `$defs/COMMAND`."""
    from pydantic import TypeAdapter

    named = {**OUTPUTS, "error": CallErrorJson}
    keys = [(name, "validation", TypeAdapter(kind)) for name, kind in named.items()]
    found, schema = TypeAdapter.json_schemas(keys)  # type: ignore[arg-type]  # of any types
    commands = {name: found[name, "validation"] for name in named}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rnnlite: what --json prints",
        "$defs": {**schema["$defs"], **commands},
    }


def output_schema_text() -> str:
    """The same as text."""
    return json.dumps(output_schema(), indent=2, ensure_ascii=False) + "\n"
