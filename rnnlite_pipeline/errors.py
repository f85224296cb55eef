"""The errors a user sees: what is wrong, where, and what to do next.

Every error carries its own exit status, so that the command line needs no table:
2 where the config or the call is wrong, 1 where a stage failed.
"""

from __future__ import annotations

from pathlib import Path


class RnnliteError(Exception):
    """The root of all errors shown to the user without a traceback.

    Args:
        message: What is wrong and what was expected, one or two sentences.
        remedy: What to do next, one sentence; empty where the message says it all.
    """

    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class CallError(RnnliteError):
    """The command line asks for something that does not exist."""

    exit_status = 2


class ConfigError(RnnliteError):
    """The config is wrong; `problems` holds each root problem with its place.

    Args:
        path: The config file.
        problems: One line each, already with line and column: `3:5: message`.
    """

    exit_status = 2

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}:{problem}" for problem in problems))
        self.path = path
        self.problems = problems


class StageError(RnnliteError):
    """A stage (import, convert, verify, package) could not do its work."""


class SourceError(StageError):
    """The source model cannot be read or evaluated."""


class ModelFormatError(StageError):
    """A .tflite file is damaged, hostile, or newer than this package knows."""


class NotConvertible(StageError):
    """The model cannot be converted as the config asks; the message says what to change."""


class VerificationFailed(StageError):
    """The converted model does not do what its source does, or a gate was missed."""
