"""A YAML file as plain values, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config.document import (
    MAX_DEPTH,
    MAX_VALUES,
    Document,
    dotted,
    read_document,
)
from rnnlite_pipeline.config.text import split_lines
from rnnlite_pipeline.errors import CallError, ConfigError


def read(folder: Path, text: str) -> Document:
    """The document of a file with this text."""
    (folder / "c.yaml").write_text(text, encoding="utf-8", newline="")
    return read_document(folder / "c.yaml")


def refused(folder: Path, text: str) -> str:
    """Why a file cannot be read any further."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    (problem,) = caught.value.problems
    return problem.partition("\n")[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("{a: 1e-5, b: no, c: 010, d: ~}", {"a": 1e-5, "b": "no", "c": 10, "d": None}),
        ("- a\n- [b, {c: d}]", ("a", ("b", {"c": "d"}))),
        ('a: "1"\nb: |\n  x\n  y\n', {"a": "1", "b": "x\ny\n"}),
        ("a: &x [1]\nb: *x\n", {"a": (1,), "b": (1,)}),
        ("3", 3),
        ("---\na: b\n...\n", {"a": "b"}),
        ('{"a": {}, "b": []}', {"a": {}, "b": ()}),
        ("a: 2026-11-29\nb: 1:30", {"a": "2026-11-29", "b": "1:30"}),
        ('"<<": x', {"<<": "x"}),
    ],
)
def test_values_are_plain(tmp_path: Path, text: str, value: object) -> None:
    """By YAML 1.2: no dates, no octal by a zero; a key in quotes is what it says."""
    found = read(tmp_path, text)
    assert found.value == value
    assert found.problems == ()


def test_every_value_has_its_place(tmp_path: Path) -> None:
    """Line and column, counted from 1 in characters; so has every key."""
    found = read(tmp_path, "é: {b: [1, 2]}\n\nc:\n  d\n")
    assert found.keys == {("é",): (1, 1), ("é", "b"): (1, 5), ("c",): (3, 1)}
    assert found.values == {
        (): (1, 1),
        ("é",): (1, 4),
        ("é", "b"): (1, 8),
        ("é", "b", 0): (1, 9),
        ("é", "b", 1): (1, 12),
        ("c",): (4, 3),
    }


def test_an_alias_is_placed_at_its_anchor(tmp_path: Path) -> None:
    """Where the value is written."""
    found = read(tmp_path, "a: &x {k: 1}\nb: *x\n")
    assert found.values["b", "k"] == found.values["a", "k"] == (1, 11)


@pytest.mark.parametrize(
    ("loc", "at_key", "place"),
    [
        (("a",), False, (1, 4)),
        (("a",), True, (1, 1)),
        (("a", "b"), False, (1, 8)),
        (("a", "none"), False, (1, 1)),
        (("none",), False, (1, 1)),
        (("c",), False, (2, 1)),
        (("c", "below", 0), False, (2, 1)),
        (("l", 1), False, (4, 8)),
        (("l", 7), False, (4, 1)),
        ((), False, (1, 1)),
    ],
)
def test_a_problem_is_placed_as_near_as_it_can_be(
    tmp_path: Path, loc: Any, at_key: bool, place: tuple[int, int]
) -> None:
    """What is not in the file at the entry around it; a value on a line of its own at its key."""
    found = read(tmp_path, "a: {b: 1}\nc:\n  d\nl: [1, 2]\n").problem(loc, "wrong", at_key=at_key)
    assert (found.line, found.column) == place
    assert found.key == dotted(loc)
    assert found.excerpt.startswith(f"{found.line:>5} | ")


def test_a_problem_of_a_variant_names_its_key_in_the_file() -> None:
    """Under `variants`, with what is below it."""
    document = Document(
        Path("c.yaml"), (), {}, origins={("source",): ("variants", "a", "source")}, variant="a"
    )
    assert document.problem(("source", "path"), "gone").key == "variants.a.source.path"
    assert document.problem(("name",), "wrong").key == "name"


def test_a_problem_cannot_write_to_the_terminal() -> None:
    """Neither its key nor its message; a message may have several lines."""
    document = Document(Path("c.yaml"), (), {})
    found = document.problem(("\x1b[1m", 0), "no `\x9b31m`\nat all")
    assert (found.key, found.message) == ("\ufffd[1m[0]", "no `\ufffd31m`\nat all")


@pytest.mark.parametrize(
    ("loc", "text"),
    [((), ""), (("a",), "a"), (("a", "b", 0, "c"), "a.b[0].c"), ((0, "a"), "[0].a")],
)
def test_a_path_as_a_person_writes_it(loc: Any, text: str) -> None:
    """Dots between keys, brackets around indexes."""
    assert dotted(loc) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("~\n", "1:1: the file is empty"),
        ("a: b\n--- \nc: d\n", "2:1: not YAML: a second document (`---`); a file holds one"),
        ("a:\n\tb: c\n", "2:1: not YAML: a tab; YAML is indented with spaces"),
        ("a: @b\n", "1:4: not YAML: text that starts with this character needs quotes"),
        ("a: b: c\n", "1:5: not YAML: a `:` out of place: wrong indentation, or missing quotes"),
        ("a: [b\nc: d\n", "2:2: not YAML: a list `[` that is not closed, or lacks a `,`"),
        ("a: {b: c\n", "2:1: not YAML: a mapping `{` that is not closed, or lacks a `,`"),
        ('a: "b\n', "2:1: not YAML: the quotes are not closed"),
        ("a: *b\n", "1:4: not YAML: an alias `*` of an anchor `&` that is not defined above"),
        ("a: b\nc\n", "3:1: not YAML: a key without `:`"),
        ("a: \x07b\n", "1:4: the character U+0007 cannot stand in YAML"),
        ('a: "\\UFFFFFFFF"\n', "1:1: not YAML: an escape such as \\U names no character"),
    ],
)
def test_what_is_no_yaml_is_told_in_plain_words(tmp_path: Path, text: str, said: str) -> None:
    """With the place where the reader stopped."""
    assert refused(tmp_path, text) == said


@pytest.mark.parametrize(
    ("text", "place", "key", "said"),
    [
        ("a: 1\na: 2\n", (2, 1), "a", "duplicate key; line 1 has it already"),
        ("a: {b: 1, b: 2}\n", (1, 11), "a.b", "duplicate key; line 1 has it already"),
        ("a: !!int '1'\n", (1, 4), "a", "the tag !!int is refused; write the plain value"),
        ("a: !own {b: c}\n", (1, 4), "a", "the tag !own is refused; write the plain value"),
        ("a: {!k b: c}\n", (1, 5), "a", "the tag !k is refused"),
        ("a: {<<: {b: c}}\n", (1, 5), "a", "merge keys (`<<`) are not YAML 1.2"),
        ("a: {1: b}\n", (1, 5), "a", 'if this one is meant, write "1"'),
        ("a: {true: b}\n", (1, 5), "a", 'if this one is meant, write "true"'),
        ("a: {[b]: c}\n", (1, 5), "a", "a key is text, not a list or a mapping"),
        ("? {a: b}\n: c\nd: e\n", (1, 3), "", "a key is text, not a list or a mapping"),
        ('a: "\\0"\n', (1, 4), "a", "text with a NUL or half a surrogate pair"),
        ('"\\0": b\n', (1, 1), "", "text with a NUL or half a surrogate pair"),
    ],
)
def test_what_breaks_a_rule_is_a_problem(
    tmp_path: Path, text: str, place: tuple[int, int], key: str, said: str
) -> None:
    """The rest of the file is read."""
    (problem,) = read(tmp_path, text).problems
    assert (problem.line, problem.column) == place
    assert problem.key == key
    assert problem.message.startswith(said) or said in problem.message


def test_all_broken_rules_are_told_at_once(tmp_path: Path) -> None:
    """A refused value counts as not read, and a duplicate key keeps its first value."""
    found = read(tmp_path, "a: !!int 1\nb: {c: 1, c: 2}\nd: !x y\n")
    assert len(found.problems) == 3
    assert found.unread == {("a",), ("d",)}
    assert found.value == {"a": None, "b": {"c": 1}, "d": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * (MAX_DEPTH + 2), f"nested more than {MAX_DEPTH} levels deep"),
        ("a: &a [*a]", f"aliases nest more than {MAX_DEPTH} levels deep"),
        (f"a: [{'1, ' * MAX_VALUES}]", f"more than {MAX_VALUES} values, aliases expanded"),
    ],
)
def test_no_file_exhausts_memory_or_the_stack(tmp_path: Path, text: str, said: str) -> None:
    """What nests or grows without bound is refused."""
    assert said in refused(tmp_path, text)


def test_depth_and_number_are_allowed_up_to_their_bounds(tmp_path: Path) -> None:
    """The bound itself is no problem."""
    depth = MAX_DEPTH - 1
    found = read(tmp_path, "a: " + "[" * depth + "1" + "]" * depth)
    assert max(map(len, found.values)) == MAX_DEPTH
    found = read(tmp_path, "".join(f"k{i}: 1\n" for i in range(MAX_VALUES - 1)))
    assert len(found.values) == MAX_VALUES


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is an error of the call, not of the config."""
    with pytest.raises(CallError, match="no such file"):
        read_document(tmp_path / "none.yaml")


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_are_counted_as_yaml_counts_them(tmp_path: Path, break_: str) -> None:
    """The place of a value is the line that the excerpt shows."""
    text = f"a: 1{break_}b: 2{break_}"
    found = read(tmp_path, text)
    assert found.values["b",] == (2, 4)
    assert split_lines(text)[1] == "b: 2"
