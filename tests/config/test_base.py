"""What all parts of a config share: frozen sections, mappings, rules and checked text."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rnnlite_pipeline.config.base import (
    RULES,
    Broken,
    Count,
    Distinct,
    Finite,
    Fraction,
    FrozenDict,
    FrozenMapping,
    Positive,
    Section,
    Text,
    text_like,
)


class Ends(Section):
    """A section with two rules."""

    low: int = 0
    high: int = 1

    def rules(self) -> Iterator[Broken]:
        """The ends are in order, and neither is 7."""
        if self.low > self.high:
            yield ("high",), "below low"
        for key in ("low", "high"):
            if getattr(self, key) == 7:
                yield (key,), "seven"


def test_all_broken_rules_are_told_together() -> None:
    """Each with its key; a section that keeps them is made."""
    with pytest.raises(ValidationError) as raised:
        Ends(low=7, high=2)
    (error,) = raised.value.errors()
    assert error["type"] == RULES
    assert error["ctx"]["broken"] == ((("high",), "below low"), (("low",), "seven"))
    assert Ends(low=1, high=1).high == 1


def test_a_section_has_its_keys_only_and_does_not_change() -> None:
    """Another key, another type, and a change are errors."""
    for values in ({"middle": 1}, {"low": "1"}, {"low": 1.0}):
        with pytest.raises(ValidationError):
            Ends.model_validate(values)
    with pytest.raises(ValidationError):
        Ends().low = 3  # type: ignore[misc]


def test_a_frozen_mapping_is_a_value() -> None:
    """Equal, hashed and pickled by what it holds, whatever the order; nothing can be put in."""
    one, two = FrozenMapping({"a": 1, "b": 2}), FrozenMapping([("b", 2), ("a", 1)])
    assert one == two == {"a": 1, "b": 2}
    assert hash(one) == hash(two)
    assert len({one, two, FrozenMapping()}) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    assert list(two) == ["b", "a"]
    with pytest.raises(TypeError):
        one["c"] = 3  # type: ignore[index]


def test_a_frozen_dict_is_written_sorted() -> None:
    """The order in the file does not change the normalized form."""
    adapter = TypeAdapter(FrozenDict[str, int])
    made = adapter.validate_python({"b": 2, "a": 1})
    assert isinstance(made, FrozenMapping)
    assert list(adapter.dump_python(made)) == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Text, ["a"], [""]),
        (Fraction, [0, 0.5, 1], [-0.1, 1.1, float("nan")]),
        (Positive, [1e-30, 5], [0, -1, float("inf")]),
        (Finite, [-1e300, 0], [float("inf"), float("-inf"), float("nan")]),
        (Count, [1, 1_000_000], [0, 1_000_001]),
        (Distinct[str], [(), ("a", "b")], [("a", "b", "a")]),
    ],
)
def test_the_ends_of_a_type(kind: Any, good: list[object], bad: list[object]) -> None:
    """What is taken, and what is just outside."""
    adapter = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_what_is_listed_twice_is_named() -> None:
    """The item, as it was written."""
    with pytest.raises(ValidationError, match="`b` is listed twice"):
        TypeAdapter(Distinct[str]).validate_python(("a", "b", "b"))


def test_text_like_a_pattern() -> None:
    """All of the text matches; the schema has the same pattern, the error what was expected."""
    adapter = TypeAdapter(Annotated[str, *text_like("a|bb", "a or bb")])
    assert adapter.validate_python("bb") == "bb"
    for wrong in ("ab", "b", "", "a\n", 5, None):
        with pytest.raises(ValidationError, match="expected a or bb"):
            adapter.validate_python(wrong)
    assert adapter.json_schema() == {"type": "string", "pattern": "^(?:a|bb)$"}
