"""Errors as GitHub shows them beside the lines of a change: workflow commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.errors import ConfigError, RnnliteError
from rnnlite_pipeline.files import near


def on_github() -> bool:
    """Whether this runs as a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotated(error: RnnliteError, path: Path | None = None) -> str:
    """An error as annotations, a line each: one for each problem of a config, with its place.

    Args:
        error: What went wrong.
        path: The config it went wrong with, where the error does not know.
    """
    return "".join(f"{line}\n" for line in _lines(error, path))


def annotation(message: str, path: Path | None = None, line: int = 0, column: int = 0) -> str:
    """One workflow command: `::error file=a.yaml,line=3,col=5::message`."""
    places = [("file", str(near(path)) if path else ""), ("line", str(line or ""))]
    places.append(("col", str(column or "")))
    where = ",".join(f"{key}={_property(value)}" for key, value in places if value)
    return f"::error{' ' * bool(where)}{where}::{_data(message)}"


def _lines(error: RnnliteError, path: Path | None) -> Iterator[str]:
    if not isinstance(error, ConfigError) or not error.details:
        yield annotation(str(error), path)
        return
    for problem in error.details:
        text = f"{problem.key}: {problem.message}" if problem.key else problem.message
        yield annotation(text, error.path, problem.line, problem.column)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
