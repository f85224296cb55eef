"""The errors a user sees: what is wrong, where, and what to do next.

Every error carries its own exit status, so that the command line needs no table:
2 where the config or the call is wrong, 1 where a stage failed.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

#: The way to a value of a config: keys of mappings, indexes of lists, or names in them.
Key = tuple[str | int, ...]


class RnnliteError(Exception):
    """The base of all errors that are shown to the user without a traceback.

    Args:
        message: What is wrong and what was expected, one or two sentences.
        remedy: What to do next, one sentence; empty where the message already says it.
        key: The path to the wrong value of the config, such as ("quantization", "skip", 0); in a
            list of names also by the name, ("targets", "tflm"). Empty where the config is not the
            cause. `config/placed.py` adds the line and the column.
        parts: Where several values are wrong: the path to each, and its message. Without a file to
            place them in, `message` says all.
    """

    exit_status = 1

    #: The key of an error that is given none.
    default_key: Key = ()

    def __init__(
        self,
        message: str,
        remedy: str = "",
        key: Key = (),
        parts: Sequence[tuple[Key, str]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.key = key or self.default_key
        self.parts = tuple(parts)

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class CallError(RnnliteError):
    """The command line asks for something that does not exist."""

    exit_status = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a config, and its place.

    Attributes:
        line: Counted from 1.
        column: Counted from 1, in characters.
        key: The path of the key, `source.format`; empty where no key is concerned.
        message: What was expected, what was found, what was perhaps meant.
        excerpt: The line of the file with a caret under the column; may be empty.
    """

    line: int
    column: int
    key: str
    message: str
    excerpt: str = ""

    def __str__(self) -> str:
        head = f"{self.line}:{self.column}: {self.key}{': ' if self.key else ''}{self.message}"
        return f"{head}\n{self.excerpt}" if self.excerpt else head


class ConfigError(RnnliteError):
    """The config is wrong. The error has every problem with its place.

    Args:
        path: The config file, as the user named it.
        problems: What is wrong, with line and column: a `Problem`, or one line `3:5: message`.
        remedy: What to do next, where the problems do not say it.

    Attributes:
        problems: The formatted lines, `3:5: key: message`, the line of the file below them.
        details: The problems in parts, for JSON and for annotations; lines given as text are
            not among them.
    """

    exit_status = 2

    def __init__(self, path: Path, problems: Sequence[str | Problem], remedy: str = "") -> None:
        self.path = path
        self.problems = [str(problem) for problem in problems]
        self.details = tuple(problem for problem in problems if isinstance(problem, Problem))
        super().__init__("\n".join(f"{path}:{problem}" for problem in self.problems), remedy)


class StageError(RnnliteError):
    """A stage (import, convert, verify, package) could not do its work."""


class SourceError(StageError):
    """The source model cannot be read or evaluated; its place is where the config names it."""

    default_key = ("source",)


class ModelFormatError(StageError):
    """A .tflite file is damaged, hostile, or newer than this package knows."""


class NotConvertible(StageError):
    """The model cannot be converted as the config asks; the message says what to change."""


class BrokenGraph(StageError):
    """A pass of the conversion left a graph that is not valid: a fault of this package.

    Args:
        after: The pass.
        faults: What is wrong, one sentence each without its full stop.
    """

    def __init__(self, after: str, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        shown = "".join(f"\n  {fault}." for fault in self.faults[:5])
        more = f"\n  and {len(self.faults) - 5} more." if len(self.faults) > 5 else ""
        super().__init__(
            f'The pass "{after}" left a graph that is not valid:{shown}{more}',
            "This is a fault of rnnlite. Please report it with the folder that `rnnlite convert"
            " CONFIG --dump-passes DIR` writes.",
        )


class VerificationFailed(StageError):
    """The converted model does not do what its source does, or a gate was missed."""


_ELSEWHERE = "name another folder for what is made, with --out DIR."

#: What to do where the system refuses a file, by its reason.
_SYSTEM = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), f"Change its permissions, or {_ELSEWHERE}"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), f"Free some space, or {_ELSEWHERE}"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR), f"Move it away, or {_ELSEWHERE}"),
    errno.ENOMEM: "Free some memory, or run fewer stages at a time (-n 1).",
    errno.EROFS: "Name another folder for what is made, with --out DIR.",
}


def of_system(error: OSError, path: object = "") -> StageError:
    """The user's error for what the system refused.

    Args:
        error: What the system said.
        path: The file where the error does not name one.
    """
    where = error.filename2 or error.filename or path  # of a move, where it leads: what is known
    reason = error.strerror or str(error)
    message = f"{where}: {reason}." if where else f"{reason}."
    return StageError(message, _SYSTEM.get(error.errno or 0, ""))


def named(config: str, message: str) -> str:
    r"""A message of several lines, with the config's name before each that does not begin with it.

    >>> named("a.yaml", "wrong\n  mend it")
    'a.yaml: wrong\na.yaml:   mend it'
    """
    lines = message.split("\n")
    return "\n".join(
        line if not config or line.startswith(config) else f"{config}: {line}" for line in lines
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """One sentence with the closest known name, or with all of them.

    >>> did_you_mean("vaildate", ["validate", "verify"])
    'Did you mean validate?'
    """
    names = sorted(known)
    if near := closest(word, names):
        return f"Did you mean {near}?"
    return f"There are {', '.join(names)}." if names else ""


#: Of a longer word only the start is compared with known names, so that it costs no time.
_COMPARED = 256


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, whatever its case; None where none is close."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(word[:_COMPARED].lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None
