"""The errors a user sees."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import (
    BrokenGraph,
    CallError,
    ConfigError,
    Problem,
    RnnliteError,
    StageError,
    VerificationFailed,
    closest,
    did_you_mean,
    of_system,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RnnliteError("x"), 1),
        (StageError("x"), 1),
        (VerificationFailed("x"), 1),
        (CallError("x"), 2),
        (ConfigError(Path("c.yaml"), []), 2),
        (BrokenGraph("p", []), 1),
    ],
)
def test_an_error_has_its_exit_status(error: RnnliteError, status: int) -> None:
    """2 for a wrong config or call, 1 for a failed stage."""
    assert error.exit_status == status


def test_the_remedy_is_a_line_below_the_message() -> None:
    """Without one the message stands alone."""
    assert str(StageError("It failed.", "Do this.")) == "It failed.\n  Do this."
    assert str(StageError("It failed.")) == "It failed."


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(3, 5, "name", "wrong"), "3:5: name: wrong"),
        (Problem(1, 1, "", "not YAML"), "1:1: not YAML"),
        (
            Problem(3, 5, "a.b", "wrong", "    3 | x\n      | ^"),
            "3:5: a.b: wrong\n    3 | x\n      | ^",
        ),
    ],
)
def test_a_problem_has_its_place(problem: Problem, text: str) -> None:
    """Line, column and key; below it the line of the file."""
    assert str(problem) == text


def test_an_error_takes_problems_in_parts_and_as_text() -> None:
    """Both are shown with the file's name; only the parts are kept for machines."""
    part = Problem(3, 5, "name", "wrong")
    error = ConfigError(Path("m.yaml"), ["1:1: broken", part], "Mend it.")
    assert str(error) == "m.yaml:1:1: broken\nm.yaml:3:5: name: wrong\n  Mend it."
    assert error.problems == ["1:1: broken", "3:5: name: wrong"]
    assert error.details == (part,)


def test_problems_are_in_the_order_of_the_file() -> None:
    """By line, then by column, as numbers."""
    places = [(10, 1), (9, 20), (9, 3)]
    problems = sorted(Problem(line, column, "k", "m") for line, column in places)
    assert [(each.line, each.column) for each in problems] == sorted(places)


@pytest.mark.parametrize(("count", "more"), [(1, ""), (5, ""), (7, "and 2 more.")])
def test_a_broken_graph_shows_some_of_its_faults(count: int, more: str) -> None:
    """The pass is named, and the rest is counted."""
    error = BrokenGraph("fold", (f"fault {i}" for i in range(count)))
    assert len(error.faults) == count
    assert error.message.startswith('The pass "fold" left a graph that is not valid:\n  fault 0.')
    assert error.message.count("fault") == min(count, 5)
    assert error.message.endswith(more or f"fault {count - 1}.")
    assert "--dump-passes" in error.remedy


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "Change its permissions, or name another folder"),
        (errno.EPERM, "Change its permissions, or name another folder"),
        (errno.ENOSPC, "Free some space, or name another folder"),
        (errno.EDQUOT, "Free some space, or name another folder"),
        (errno.EEXIST, "Move it away, or name another folder"),
        (errno.ENOTDIR, "Move it away, or name another folder"),
        (errno.ENOMEM, "Free some memory"),
        (errno.EROFS, "Name another folder"),
        (errno.EIO, ""),
    ],
)
def test_what_the_system_refuses_has_a_remedy(number: int, remedy: str) -> None:
    """By the reason; the file is the error's own, else the one that the caller knows."""
    reason = os.strerror(number)
    error = of_system(OSError(number, reason, "/own"), "/known")
    assert error.message == f"/own: {reason}."
    assert error.remedy.startswith(remedy)
    assert bool(error.remedy) == bool(remedy)
    assert of_system(OSError(number, reason), Path("/known")).message == f"/known: {reason}."
    assert of_system(OSError(number, reason)).message == f"{reason}."


def test_an_error_of_the_system_without_a_number_is_told() -> None:
    """Some libraries raise an OSError of words alone."""
    assert str(of_system(OSError("no route"), "s3://b")) == "s3://b: no route."


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("vaildate", ["validate", "verify"], "validate"),
        ("VERIFY", ["validate", "verify"], "verify"),
        ("lstm", ["LSTM", "GRU"], "LSTM"),
        ("x", ["validate"], None),
        ("", ["validate"], None),
        ("a", [], None),
        ("validate" + "x" * 1000, ["validate"], None),
    ],
)
def test_the_closest_name(word: str, known: list[str], found: str | None) -> None:
    """Whatever its case; none where nothing is close."""
    assert closest(word, known) == found


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("verfy", {"verify", "validate"}, "Did you mean verify?"),
        ("x", {"b", "a"}, "There are a, b."),
        ("x", set[str](), ""),
    ],
)
def test_a_wrong_name_gets_one_sentence(word: str, known: set[str], said: str) -> None:
    """The closest name, else all of them in their order."""
    assert did_you_mean(word, known) == said
