"""From pydantic's errors to problems that a person can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from rnnlite_pipeline.config.base import Distinct, FrozenDict, Section, Text
from rnnlite_pipeline.config.document import Document
from rnnlite_pipeline.config.problems import problems_of, shown, suggestion
from rnnlite_pipeline.errors import Problem


class File(Section):
    """A file."""

    path: Text = Field(description="Where it is, by name. And more.")
    samples: int = Field(default=1, ge=1, le=5)


class Whole(Section):
    """A config of this test."""

    name: Text = ""
    mode: Literal["keep", True, False] = "keep"
    kind: Literal["lstm", "gru"] = "lstm"
    file: File | None = None
    files: tuple[File, ...] = ()
    words: Distinct[Text] = ()
    two: tuple[int, ...] = Field(default=(1, 2), min_length=2, max_length=2)
    rate: float = Field(default=0.5, gt=0, lt=1, allow_inf_nan=False)
    on: bool = False
    notes: FrozenDict[Text, str] = Field(default_factory=dict)


def told(value: object, *own: Problem, unread: tuple[Any, ...] = ()) -> list[str]:
    """The key and the message of each problem."""
    document = Document(Path("c.yaml"), (), value, problems=own, unread=frozenset(unread))
    try:
        Whole.model_validate(value)
    except ValidationError as error:
        problems = problems_of(Whole, document, error.errors(include_url=False))
        return [f"{each.key}: {each.message}" for each in problems]
    return [f"{each.key}: {each.message}" for each in own]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"mode": "kep"}, "mode: expected keep, true or false; got \"kep\"; did you mean `keep`?"),
        ({"kind": "LSTM"}, "kind: expected lstm or gru; got \"LSTM\"; did you mean `lstm`?"),
        ({"kind": 3}, "kind: expected lstm or gru; got the number 3"),
        ({"name": 3}, "name: expected text; got the number 3; write it in quotes if it is text"),
        ({"name": True}, "name: expected text; got true; write it in quotes if it is text"),
        ({"name": ""}, "name: expected text that is not empty; got \"\""),
        ({"on": "yes"}, "on: expected true or false; got \"yes\"; did you mean true?"),
        ({"on": "OFF"}, "on: expected true or false; got \"OFF\"; did you mean false?"),
        ({"on": "n"}, "on: expected true or false; got \"n\"; did you mean false?"),
        ({"on": 1}, "on: expected true or false; got the number 1"),
        ({"rate": "0.5"}, "rate: expected a number; got \"0.5\"; take the quotes away"),
        ({"rate": "true"}, "rate: expected a number; got \"true\""),
        ({"rate": "x"}, "rate: expected a number; got \"x\""),
        ({"rate": 0}, "rate: expected a number above 0; got the number 0"),
        ({"rate": 1.0}, "rate: expected a number below 1; got the number 1.0"),
        ({"rate": float("inf")}, "rate: expected a finite number; got the number inf"),
        ({"words": "a"}, "words: expected a list; got \"a\"; write [a]"),
        ({"words": {"a": 1}}, "words: expected a list; got a mapping"),
        ({"words": ("a", "a")}, "words: `a` is listed twice; got a list"),
        ({"two": (1,)}, "two: expected a list with at least 2 item(s); got a list"),
        ({"two": (1, 2, 3)}, "two: expected a list with at most 2 item(s); got a list"),
        ({"two": (1, 2.5)}, "two[1]: expected a whole number; got the number 2.5"),
        ({"two": (1, "2")}, "two[1]: expected a whole number; got \"2\"; take the quotes away"),
        ({"notes": "x"}, "notes: expected keys and values; got \"x\""),
        ({"notes": {"": "x"}}, "notes.: expected text that is not empty; got \"\""),
        (
            {"file": "t.npz"},
            ("file: expected a mapping with the keys path, samples; got \"t.npz\";"
            " did you mean {path: t.npz}?"),
        ),
        ({"file": ()}, "file: expected a mapping with the keys path, samples; got a list"),
        ({"file": {}}, "file.path: required, and not given (Where it is, by name)"),
        ({"files": ({"path": "a", "samples": 0},)}, ("files[0].samples: expected a number of at"
         " least 1; got the number 0")),
        ({"file": {"path": "a", "samples": 6}}, ("file.samples: expected a number of at most 5;"
         " got the number 6")),
        ({"nmae": "x"}, "nmae: unknown key; did you mean `name`?"),
        ({"samples": 1}, "samples: unknown key here; it belongs under `file:` or `files:`"),
        ({"zzz": 1}, ("zzz: unknown key; the keys here are name, mode, kind, file, files, words,"
         " two, rate, on, notes")),
        ("text", (": expected a mapping with the keys name, mode, kind, file, files, words, two,"
         " rate, on, notes; got \"text\"")),
    ],
)  # fmt: skip
def test_what_was_expected_and_found(value: object, said: str) -> None:
    """One sentence for each error, with what was probably meant."""
    assert told(value) == [said]


def test_a_misspelled_key_is_not_missing_as_well() -> None:
    """One problem for each cause."""
    assert told({"file": {"pth": "a"}}) == ["file.pth: unknown key; did you mean `path`?"]


def test_what_could_not_be_read_is_told_once() -> None:
    """The value of such a key is no further problem, nor is anything below it."""
    tag = Problem(1, 1, "file", "the tag is refused")
    unread = (("file",),)
    assert set(told({"file": None, "name": 3}, tag, unread=unread)) == {
        "name: expected text; got the number 3; write it in quotes if it is text",
        "file: the tag is refused",
    }
    assert told({"file": {"samples": 0}}, tag, unread=unread) == ["file: the tag is refused"]


def test_no_value_writes_to_the_terminal() -> None:
    """Control characters of a key or a value are not part of a message."""
    for value in ({"file": "\x1b[31m"}, {"words": "\x1b[31m"}, {"\x1b[31m": 1}, {"on": "\x9b"}):
        assert not any("\x1b" in each or "\x9b" in each for each in told(value))
    assert not any("\x1b" in each for each in told({"words": ("\x1b", "\x1b")}))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        ({}, "a mapping"),
        ((), "a list"),
        (0, "the number 0"),
        (1e-5, "the number 1e-05"),
        ("a", '"a"'),
        ("a\nb\tc", '"a\ufffdb\ufffdc"'),
        ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, f'"{"x" * 57}..."'),
    ],
)
def test_a_value_in_a_message(value: object, said: str) -> None:
    """On one line, and short."""
    assert shown(value) == said


def test_a_suggestion_is_close_in_any_case() -> None:
    """Nothing where no name is close."""
    assert suggestion("KERAS", ["keras", "h5"]) == "; did you mean `keras`?"
    assert suggestion(3, ["keras"]) == ""
    assert suggestion("x", []) == ""
