"""Label and vocabulary files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import Config, associated, load_config
from rnnlite_pipeline.config.associated import (
    AssociatedFiles,
    associated_files,
    lines_of,
    packed_name,
    wrong_file,
)


def config(folder: Path, outputs: Sequence[str] = ("l.txt",), vocabulary: str = "") -> Config:
    """A config with these files of labels, one for each output, and a vocabulary."""
    described = [{"name": f"y{i}", "labels": file} for i, file in enumerate(outputs)]
    told: dict[str, Any] = {"outputs": described}
    if vocabulary:
        told["inputs"] = [{"name": "x"}, {"name": "w", "vocabulary": vocabulary}]
    (folder / "c.yaml").write_text(
        f"name: m\nsource: {{format: keras, path: m.keras}}\nmetadata: {told}\n"
    )
    return load_config(folder / "c.yaml")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\nb\n\n", ["a", "b", ""]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\rb", ["a\rb"]),
        ("\ufeffa\n", ["a"]),
        ("a\u2028b\x0cc\x85d", ["a\u2028b\x0cc\x85d"]),
    ],
)
def test_a_line_ends_with_lf_or_cr_lf(text: str, lines: list[str]) -> None:
    """No other character ends a line; a last line break begins no line."""
    assert lines_of(text) == lines


def test_files_are_found_with_their_places(tmp_path: Path) -> None:
    """Vocabularies of inputs and labels of outputs; none without `metadata:`."""
    found = list(associated_files(config(tmp_path, ["a.txt", "b.txt"], "v.txt")))
    assert found == [
        (("metadata", "inputs", 1, "vocabulary"), "v.txt"),
        (("metadata", "outputs", 0, "labels"), "a.txt"),
        (("metadata", "outputs", 1, "labels"), "b.txt"),
    ]
    bare = Config.model_validate({"name": "m", "source": {"format": "keras", "path": "m"}})
    assert list(associated_files(bare)) == []


def test_a_file_is_packed_under_its_last_name(tmp_path: Path) -> None:
    """Its lines are found by the path as the config has it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "l.txt").write_text("a\nb\n")
    files = AssociatedFiles(config(tmp_path, ["sub/l.txt"]))
    assert files.content == {"l.txt": b"a\nb\n"}
    assert files.lines("sub/l.txt") == ["a", "b"]
    assert files.lines("none.txt") is None
    assert not files.wrong
    assert packed_name("a/b/c.txt") == "c.txt"


def test_two_files_of_one_name_are_one_or_a_problem(tmp_path: Path) -> None:
    """Equal contents are packed once; different ones cannot be."""
    for folder, text in (("a", "x\n"), ("b", "x\n"), ("c", "y\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "l.txt").write_text(text)
    assert not AssociatedFiles(config(tmp_path, ["a/l.txt", "b/l.txt", "a/l.txt"])).wrong
    ((loc, said),) = AssociatedFiles(config(tmp_path, ["a/l.txt", "c/l.txt"])).wrong
    assert loc == ("metadata", "outputs", 1, "labels")
    assert "two different files would be packed as l.txt" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; expected one name a line"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\xe9t\xe9\n", "expected text in UTF-8"),
        ("é".encode() * 5, "larger than 9 bytes"),
        (b"\xff" * 10, "larger than 9 bytes"),
    ],
)
def test_a_wrong_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    """A file that is too large is called that, also where its first part ends within a letter."""
    monkeypatch.setattr(associated, "LARGEST", 9)
    (tmp_path / "l.txt").write_bytes(content)
    files = AssociatedFiles(config(tmp_path))
    ((loc, message),) = files.wrong
    assert loc == ("metadata", "outputs", 0, "labels")
    assert said in message
    assert files.lines("l.txt") is None


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("file", False, None),
        ("folder", True, None),
        ("none", False, "no such file: "),
        ("none", True, "no such folder: "),
        ("file/below", False, "no such file: "),
        ("folder", False, "expected a file; "),
        ("file", True, "expected a folder; "),
        ("pipe", False, "is not a regular file"),
        ("loop", False, "cannot be read: Too many levels"),
    ],
)
def test_a_path_is_a_file_that_can_be_read(
    tmp_path: Path, name: str, folder: bool, said: str | None
) -> None:
    """Or a folder, where one is expected; nothing is opened, so a pipe does not block."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    found = list(wrong_file(("key",), tmp_path / name, folder=folder))
    assert [loc for loc, _ in found] == [("key",)] * bool(said)
    assert all(said in message for _, message in found if said)
