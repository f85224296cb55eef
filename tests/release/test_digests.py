"""Digests and JSON in the same bytes, and a JSON value as its leaves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rnnlite_pipeline.release.digests import flat, json_bytes, sha256, sums


def test_json_has_one_form() -> None:
    """Whatever the order of the keys: sorted, indented, UTF-8, with a line break at the end."""
    assert json_bytes({"b": [1], "a": "é"}) == json_bytes({"a": "é", "b": [1]})
    assert json_bytes({"b": [1], "a": "é"}).decode() == '{\n  "a": "é",\n  "b": [\n    1\n  ]\n}\n'


def test_sums_are_read_by_sha256sum(tmp_path: Path) -> None:
    """Sorted by name; a changed file is found."""
    files = {"b.txt": b"two", "a.txt": b"one"}
    text = sums(files)
    assert [line.split()[1] for line in text.decode().splitlines()] == ["a.txt", "b.txt"]
    assert text.decode().startswith(sha256(b"one") + "  a.txt\n")
    for name, content in (files | {"SHA256SUMS": text}).items():
        (tmp_path / name).write_bytes(content)
    check = ["sha256sum", "--check", "--status", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "a.txt").write_bytes(b"other")
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 1


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        (5, {"": 5}),
        ({"a": {"b": 1, "c": None}}, {"a.b": 1, "a.c": None}),
        ({"a": [1, {"b": 2}]}, {"a[0]": 1, "a[1].b": 2}),
        (
            {"a": [{"name": "x", "n": 1}, {"name": "y", "n": 2}]},
            {"a[x].name": "x", "a[x].n": 1, "a[y].name": "y", "a[y].n": 2},
        ),
        ({"a": [{"name": "x"}, {"name": "x"}]}, {"a[0].name": "x", "a[1].name": "x"}),
        ({"a": [{"name": "x"}, {"other": 1}]}, {"a[0].name": "x", "a[1].other": 1}),
        ({"a": ({"b": ("x", "y")},)}, {"a[0].b[0]": "x", "a[0].b[1]": "y"}),
        ({"a": [], "b": {}}, {}),
    ],
)
def test_leaves_by_their_place(value: object, leaves: dict[str, object]) -> None:
    """Keys with dots; items by number, or by name where every one has a name of its own."""
    assert flat(value) == leaves
