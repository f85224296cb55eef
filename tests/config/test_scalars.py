"""Scalars by the core schema of YAML 1.2.2."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.config.scalars import MAX_NUMBER_LENGTH, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1.0e-5", 1e-5),
        (".5", 0.5),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("Y", "Y"),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("NULL", None),
        ("none", "none"),
        ("-.INF", float("-inf")),
        ("٣", "٣"),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    """Numbers, truth values and nothing follow the core schema; all else is text."""
    read = scalar(text, plain=True)
    assert read == value
    assert type(read) is type(value)


def test_a_quoted_scalar_is_text() -> None:
    """Quotes make text of what would be a number."""
    assert scalar("10", plain=False) == "10"


@given(st.integers(-(10**60), 10**60))
def test_every_integer_is_read(number: int) -> None:
    """With a sign or none, and leading zeros."""
    assert scalar(str(number), plain=True) == number
    assert scalar(f"{number:+}", plain=True) == number
    assert scalar(f"0{abs(number)}", plain=True) == abs(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read(number: float) -> None:
    """As Python writes it."""
    found = scalar(repr(number), plain=True)
    assert found == number
    assert isinstance(found, float)


def test_what_is_no_number_of_floats() -> None:
    """.nan is one, with a sign it is text, as are the words of Python."""
    found = scalar(".NaN", plain=True)
    assert isinstance(found, float)
    assert math.isnan(found)
    for text in ("+.nan", "nan", "inf", "-", ".", "1e", "e5", "1.2.3", "0x", "-0x1", "0o8"):
        assert scalar(text, plain=True) == text


def test_nobody_means_a_number_of_so_many_digits() -> None:
    """One digit more than the limit is an error; as text in quotes it is taken."""
    longest = "1" * MAX_NUMBER_LENGTH
    assert scalar(longest, plain=True) == int(longest)
    for text in (longest + "1", "0." + longest):
        with pytest.raises(ValueError, match="write it in quotes"):
            scalar(text, plain=True)
        assert scalar(text, plain=False) == text
    assert scalar("a" * 1000, plain=True) == "a" * 1000


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("character", ["\0", chr(0xD800), chr(0xDFFF)])
def test_characters_that_no_name_can_have(character: str, plain: bool) -> None:
    """A NUL, and half of a surrogate pair."""
    with pytest.raises(ValueError, match="NUL or half a surrogate pair"):
        scalar(f"a{character}", plain=plain)
