"""docs/config.md, from the models."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from rnnlite_pipeline.config.base import Distinct, FrozenDict, Section, Text
from rnnlite_pipeline.config.reference import _sections, reference


class Leaf(Section):
    """A section of a list."""

    kind: Literal["a", "b"] = Field(default="a", description="One | of two.")


class Whole(Section):
    """A config of this test."""

    name: Text = Field(description="Its name.")
    on: bool = Field(default=True, description="Yes.")
    off: bool = Field(default=False, description="No.")
    zero: int = Field(default=0, description="Nothing.")
    rate: float | None = Field(default=None, description="None by default.")
    mode: Literal["keep", True] = Field(default="keep", description="A choice.")
    words: Distinct[Text] = Field(default=(), description="Texts.")
    pair: tuple[int, ...] = Field(default=(1, 2), description="Two.")
    either: int | str = Field(default="x", description="Of two types.")
    notes: FrozenDict[Text, str] = Field(default_factory=dict, description="Free.")
    leaf: Leaf = Field(default=Leaf(), description="One section.")
    leaves: tuple[Leaf, ...] = Field(default=(), description="Many sections.")


def rows() -> dict[str, list[str]]:
    """The cells of each row of the first section, by its key."""
    first = "\n".join(_sections(Whole)).partition("## ")[0]
    lines = [line.strip("| ").split(" | ") for line in first.splitlines()[2:] if line]
    return {cells[0].strip("`"): cells[1:] for cells in lines}


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("name", ["text", "required", "Its name."]),
        ("on", ["true or false", "`true`", "Yes."]),
        ("off", ["true or false", "`false`", "No."]),
        ("zero", ["whole number", "`0`", "Nothing."]),
        ("rate", ["number", "", "None by default."]),
        ("mode", ["`keep`, `true`", "`keep`", "A choice."]),
        ("words", ["list", "", "Texts."]),
        ("pair", ["list", "`[1, 2]`", "Two."]),
        ("either", ["whole number or text", "`x`", "Of two types."]),
        ("notes", ["mapping", "", "Free."]),
        ("leaf", ["section", "", "One section."]),
        ("leaves", ["list of sections", "", "Many sections."]),
    ],
)
def test_a_key_has_its_values_and_its_default(key: str, cells: list[str]) -> None:
    """In words; a choice with all that can be chosen."""
    assert rows()[key] == cells


def test_every_section_has_its_heading_and_its_description() -> None:
    """Those of lists too; a bar within a cell does not end it."""
    text = "\n".join(_sections(Whole))
    assert "## `leaf`\n\nOne section.\n" in text
    assert "## `leaves`\n\nMany sections.\n" in text
    assert "One \\| of two." in text


def test_the_reference_has_configs_and_pipelines() -> None:
    """On one page, with the same headings every time."""
    text = reference()
    assert text.index("## `source`") < text.index("## Pipelines") < text.index("## `gates`")
    assert text == reference()
