"""The text of a config file, and how an excerpt of it is shown."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from rnnlite_pipeline.errors import CallError, ConfigError, Problem, closest

MAX_BYTES = 256 * 1024
_EXCERPT_WIDTH = 100

#: YAML's line breaks, as PyYAML counts them.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_CONFLICT = re.compile(r"^<{7}(?: .*)?$")


def printable(text: str) -> str:
    """The text without control characters, so that a file cannot write to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text, by YAML's line breaks; at least one."""
    return tuple(_BREAK.split(text))


def excerpt(lines: tuple[str, ...], line: int, column: int) -> str:
    """A line with its number, and a caret under a column; long lines are cut around it.

    Control characters are shown as spaces, so that a file cannot write to the terminal.
    """
    if not 1 <= line <= len(lines):
        return ""
    text = "".join(c if c.isprintable() else " " for c in lines[line - 1])
    start = max(0, column - 1 - _EXCERPT_WIDTH // 2) if len(text) > _EXCERPT_WIDTH else 0
    shown = text[start : start + _EXCERPT_WIDTH].rstrip()
    margin = f"{line:>5} | "
    return f"{margin}{shown}\n{'| ':>{len(margin)}}{' ' * (column - 1 - start)}^"


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        CallError: There is no such file, or it cannot be opened.
        ConfigError: It is too large, not UTF-8, holds a NUL, or an unresolved merge.
    """
    data = _read_bytes(path)
    if len(data) > MAX_BYTES:
        raise _whole_file(path, f"larger than {MAX_BYTES // 1024} KiB; a config is short text")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise _whole_file(path, "UTF-16 text; save it as UTF-8") from None
        before = data[: error.start].decode("utf-8", "replace")
        what = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _at(path, data.decode("utf-8", "replace"), before, what) from None
    if "\0" in text:
        raise _at(path, text, text[: text.index("\0")], "a NUL byte; this is not a text file")
    lines = split_lines(text)
    for number, line in enumerate(lines, 1):
        if _CONFLICT.match(line):
            what = "an unresolved git merge; choose a side and delete the markers"
            raise ConfigError(path, [Problem(number, 1, "", what, excerpt(lines, number, 1))])
    return text


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CallError(f"{path}: a folder; expected a YAML file")
        if path.exists() and not path.is_file():
            raise CallError(f"{path}: not a regular file; expected a YAML file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CallError(f"{path}: no such file", _nearby(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CallError(f"{path}: cannot be read: {reason}") from None


def _nearby(path: Path) -> str:
    """Which file of the same folder was perhaps meant."""
    try:
        names = sorted(f.name for f in path.parent.iterdir() if f.suffix in (".yaml", ".yml"))
    except OSError:
        return f"There is no folder {path.parent} either."
    near = closest(path.name, names)
    return f"Did you mean {path.parent / near}?" if near else ""


def _whole_file(path: Path, message: str) -> ConfigError:
    return ConfigError(path, [Problem(1, 1, "", message)])


def _at(path: Path, text: str, before: str, message: str) -> ConfigError:
    """An error at the character that follows `before`."""
    head = split_lines(before)
    line, column = len(head), len(head[-1]) + 1
    return ConfigError(
        path, [Problem(line, column, "", message, excerpt(split_lines(text), line, column))]
    )
