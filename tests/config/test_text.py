"""The text of a config file: its lines, an excerpt of it, and files that are none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.config.text import MAX_BYTES, excerpt, read_text, split_lines
from rnnlite_pipeline.errors import CallError, ConfigError


def test_lines_end_where_yaml_ends_them() -> None:
    """One break of Windows, old Macs, Unix and Unicode each; a form feed is none."""
    assert split_lines("a\r\nb\rc\nd\x85e\u2028f\u2029g\x0ch") == (*"abcdef", "g\x0ch")
    assert split_lines("") == ("",)
    assert split_lines("a\n") == ("a", "")


def test_the_caret_stands_under_its_column() -> None:
    """The number of the line before; control characters as blanks."""
    shown = excerpt(("a: 1", "b:\t\x1b[31mx"), 2, 4)
    line, caret = shown.split("\n")
    assert line == "    2 | b:  [31mx"
    assert caret == "      |    ^"
    assert excerpt(("a",), 0, 1) == excerpt(("a",), 2, 1) == ""


@given(st.integers(1, 400), st.integers(0, 400))
def test_a_long_line_is_cut_around_the_column(column: int, length: int) -> None:
    """The character above the caret is the one of the column, and no more than 100 are shown."""
    text = "".join(chr(0x100 + i) for i in range(length))
    line, caret = excerpt((text,), 1, column).split("\n")
    shown = line.partition("| ")[2]
    assert len(shown) <= 100
    place = caret.index("^") - len("    1 | ")
    assert shown[place : place + 1] == text[column - 1 : column]


def test_a_text_is_read_with_or_without_its_mark(tmp_path: Path) -> None:
    """A byte order mark is no part of it; line breaks stay as they are."""
    path = tmp_path / "c.yaml"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + "a: é\r\n".encode())
        assert read_text(path) == "a: é\r\n"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"a: 1\nb: \xe9x\n", (2, 4), "the byte 0xe9 is not UTF-8"),
        (b"\xc3\xa9: \xff", (1, 4), "the byte 0xff is not UTF-8"),
        (b"a: 1\r\n b\0", (2, 3), "a NUL byte"),
        (b"a: 1\n<<<<<<< HEAD\nb: 2\n", (2, 1), "an unresolved git merge"),
    ],
)
def test_what_is_no_text_has_its_place(
    tmp_path: Path, mark: bytes, content: bytes, place: tuple[int, int], said: str
) -> None:
    """Line and column in characters, and the caret under them, with a byte order mark or not."""
    path = tmp_path / "c.yaml"
    path.write_bytes(mark + content)
    with pytest.raises(ConfigError, match=said) as raised:
        read_text(path)
    (problem,) = raised.value.details
    assert (problem.line, problem.column) == place
    shown, caret = problem.excerpt.split("\n")
    assert caret.index("^") - len("    1 | ") == place[1] - 1
    first = content.decode("utf-8", "replace").splitlines()[place[0] - 1][0]
    assert shown.startswith(f"    {place[0]} | {first}")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"#" * (MAX_BYTES + 1), "larger than 256 KiB"), ("a: 1".encode("utf-16"), "UTF-16 text")],
)
def test_a_file_that_is_wrong_as_a_whole(tmp_path: Path, content: bytes, said: str) -> None:
    """Too large, or of another encoding; the largest that is taken is taken."""
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_text(path)
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_text(path)) == MAX_BYTES


def test_what_cannot_be_opened_is_a_wrong_call(tmp_path: Path) -> None:
    """A folder, a pipe, a name that is none; of a missing file, the one that was perhaps meant."""
    (tmp_path / "config.yaml").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("", "a folder; expected a YAML file"),
        ("pipe", "not a regular file"),
        ("a\0b", "cannot be read"),
        ("x" * 300, "cannot be read"),
        ("other", "no such file"),
    ):
        with pytest.raises(CallError, match=said):
            read_text(tmp_path / name)
    with pytest.raises(CallError, match="no such file") as raised:
        read_text(tmp_path / "confg.yaml")
    assert raised.value.remedy == f"Did you mean {tmp_path / 'config.yaml'}?"
    with pytest.raises(CallError) as raised:
        read_text(tmp_path / "none" / "c.yaml")
    assert "There is no folder" in raised.value.remedy
