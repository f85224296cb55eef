"""The parts of a section (tables, cells, pairs), and how they become HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from markupsafe import Markup, escape

from rnnlite_pipeline.report.templating import templates

_ROOM = "rnnlite_pipeline.report"
_INDEXED = re.compile(r"\b([A-Za-z]+)_([A-Za-z0-9]+)")


@dataclass(frozen=True)
class Mark:
    """A cell of a table: passed or failed."""

    passed: bool
    kind = "mark"


@dataclass(frozen=True)
class Bar:
    """A cell of a table: a bar; `share` is its length relative to the longest bar, from 0 to 1."""

    share: float
    kind = "bar"

    @property
    def percent(self) -> int:
        """Its length in percent, at least 1, so that every bar is visible."""
        return max(round(100 * self.share), 1)


@dataclass(frozen=True)
class Link:
    """A cell of a table: a link to a file beside the page."""

    text: str
    to: str
    kind = "link"


@dataclass(frozen=True)
class Both:
    """A cell of a table: an absolute figure, and below it a relative one.

    Attributes:
        text: The figure.
        under: The relative figure, or a remark.
        value: The number to sort by; the text is used where it is None.
    """

    text: str
    under: str
    value: float | None = None
    kind = "both"


Cell: TypeAlias = "str | Mark | Bar | Link | Both | Markup"


@dataclass(frozen=True)
class Table:
    """A table. On a narrow screen each row becomes a block with one line for each cell.

    Attributes:
        columns: The titles. A title that begins with # marks a column of numbers; bars have none.
        rows: The cells.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table | None:
    """A table, or None where it has no rows."""
    held = [tuple(row) for row in rows]
    return Table(columns, held) if held else None


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        id: Its anchor; also the name of its template, if it has a separate one.
        title: Its heading, and its line in the table of contents.
        html: What it shows.
        note: One or two sentences on how to read it.
        bad: Whether it is about a failure.
    """

    id: str
    title: str
    html: Markup
    note: str = ""
    bad: bool = False


def section(
    name: str, title: str, *, template: str = "", note: str = "", bad: bool = False, **values: Any
) -> Section:
    """A section by its template, `templates/sections/NAME.html.jinja`.

    Args:
        name: Its anchor.
        title: Its heading.
        template: The template's name, where it is not the anchor.
        note: How to read it.
        bad: Whether it is about a failure.
        values: What the template shows.
    """
    html = rendered(f"sections/{template or name}.html.jinja", values)
    return Section(name, title, Markup(html), note, bad)


def rendered(template: str, values: Mapping[str, Any]) -> Markup:
    """A template with its values, as HTML."""
    return Markup(templates(_ROOM).get_template(template).render(values))


def equation(line: str) -> Markup:
    """A line of `rnnlite_pipeline.cells.text` as HTML, with its indices as subscripts."""
    return Markup(_INDEXED.sub(r"\1<sub>\2</sub>", str(escape(line))))


@dataclass(frozen=True)
class Pairs:
    """Names and their values."""

    rows: Sequence[tuple[str, str]] = field(default_factory=tuple)


def pairs(rows: Iterable[tuple[str, str]]) -> Pairs:
    """Names and their values, without the rows whose value is empty."""
    return Pairs([(name, value) for name, value in rows if value])
