"""What all source formats share: unique names, and pinned dimensions."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.model import TensorSpec, check_dtypes, first_line, pin, unique

X = TensorSpec("x", "float32", (None, None, 3))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["lstm", "lstm", "lstm"], ["lstm", "lstm_1", "lstm_2"]),
        (["lstm", "lstm", "lstm_1"], ["lstm", "lstm_2", "lstm_1"]),
        (["a_1", "a", "a", "a_1"], ["a_1", "a", "a_2", "a_1_1"]),
    ],
)
def test_repeated_names_are_numbered(names: list[str], expected: list[str]) -> None:
    """The first of a name keeps it, and no numbered name takes one that is given."""
    assert unique(names) == expected


def test_a_pin_closes_an_open_dimension() -> None:
    """A number closes what is open; null and the source's own number change nothing."""
    assert pin([X], {"x": [None, 8, 3]})[0].shape == (None, 8, 3)
    assert pin([X], {"x": [None, None, None]}) == [X]
    assert pin([X], {}) == [X]


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({"x": [None, 8, 4]}, r'"x" to \[null, 8, 4\], but the model has \[null, null, 3\]'),
        ({"x": [None, 8]}, r"\[null, 8\]"),
        ({"y": [None]}, 'names "y", but the model\'s inputs are "x"'),
    ],
)
def test_a_pin_that_contradicts_the_source_is_refused(
    pins: dict[str, list[int | None]], said: str
) -> None:
    """A pin of a fixed dimension, of another rank or of no input says what it should be."""
    with pytest.raises(SourceError, match=said):
        pin([X], pins)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("bad shape\n\nArguments received: ...", "bad shape"),
        (
            "Exception encountered when calling Conv1D.call().\n\n\x1b[1mToo short.\x1b[0m\n\nArg",
            "Too short. (calling Conv1D.call())",
        ),
        ("{{function_node __wrapped__Conv2D}} Too short. [Op:Conv2D]", "Too short. [Op:Conv2D]"),
        ("", "ValueError"),
    ],
)
def test_a_framework_s_page_becomes_a_line(said: str, told: str) -> None:
    """What went wrong is told in one line, without the codes that make it bold."""
    assert first_line(ValueError(said)) == told


def test_an_interface_of_strings_is_refused() -> None:
    """A dtype without a plain tensor names the tensor and the dtypes there are."""
    with pytest.raises(SourceError, match='"s" is of dtype string; expected one of "float32"'):
        check_dtypes([TensorSpec("s", "string", (None,))])
