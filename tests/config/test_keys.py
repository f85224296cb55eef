"""Finding one's way in the models of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest

from rnnlite_pipeline.config.base import Distinct, FrozenDict, Section
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.keys import choices_at, homes_of, section_at, sections_of


class Leaf(Section):
    """The innermost section."""

    kind: Literal["a", "b"] = "a"
    on: Literal[True] | Literal["auto"] = True


class Middle(Section):
    """A section below the whole."""

    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    modes: Distinct[Literal["x", "y"]] = ()


class Whole(Section):
    """Sections below keys, in a list and in a mapping."""

    name: str = ""
    middle: Middle = Middle()
    named: FrozenDict[str, Leaf] = {}  # noqa: RUF012


@pytest.mark.parametrize(
    ("loc", "section"),
    [
        ((), Whole),
        (("middle",), Middle),
        (("middle", "leaf"), Leaf),
        (("middle", "leaves", 3), Leaf),
        (("named", "any"), Leaf),
        (("name",), None),
        (("middle", "none"), None),
        (("name", "below"), None),
    ],
)
def test_the_section_below_a_place(loc: Loc, section: type | None) -> None:
    """Through unions, lists and mappings; None where there is none."""
    assert section_at(Whole, loc) is section


@pytest.mark.parametrize(
    ("loc", "choices"),
    [
        (("middle", "leaf", "kind"), ["a", "b"]),
        (("middle", "leaf", "on"), ["true", "auto"]),
        (("middle", "modes", 0), ["x", "y"]),
        (("named", "any", "kind"), ["a", "b"]),
        (("name",), []),
        (("none",), []),
    ],
)
def test_the_choices_at_a_place(loc: Loc, choices: list[str]) -> None:
    """As YAML has them: a truth value in lower case."""
    assert choices_at(Whole, loc) == choices


def test_every_section_with_the_way_to_it() -> None:
    """Those of a list and of a mapping by the key that holds them."""
    assert list(sections_of(Whole)) == [
        ((), Whole),
        (("middle",), Middle),
        (("middle", "leaf"), Leaf),
        (("middle", "leaves"), Leaf),
        (("named",), Leaf),
    ]


def test_the_homes_of_a_key() -> None:
    """The sections that have it, below the whole."""
    assert homes_of(Whole, "kind") == ["middle.leaf", "middle.leaves", "named"]
    assert homes_of(Whole, "name") == []
    assert isinstance(Whole().named, Mapping)
