"""The pieces every section is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

#: What `bar` makes, and only that, stands in a cell as it is.
_BAR = re.compile(r'<i class="share" style="width:\d+%"></i>')
_MARKS = {"✓": '<td class="yes">✓</td>', "✗": '<td class="no">✗</td>'}
_INDEXED = re.compile(r"\b([A-Za-z]+)_([A-Za-z0-9]+)")


def section(title: str, content: str, note: str = "") -> str:
    """A section under a heading; nothing where there is nothing to show."""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{said}{content}</section>" if content else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a column whose title begins with # holds numbers. Empty without rows."""
    kinds = [' class="n"' if c.startswith("#") else "" for c in columns]
    head = "".join(
        f"<th{k}>{escape(c.removeprefix('#'))}</th>" for k, c in zip(kinds, columns, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(_cell(k, v) for k, v in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    heading = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return f'<div class="scroll"><table>{heading}<tbody>{body}</tbody></table></div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they stand for; a row that says nothing is left out."""
    said = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in rows if v)
    return f"<dl>{said}</dl>" if said else ""


def equation(line: str) -> str:
    """One line of `rnnlite_pipeline.cells.text`, its indices set lower."""
    return _INDEXED.sub(r"\1<sub>\2</sub>", escape(line))


def size(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count:,} B" if count < 10_000 else f"{count / 1000:,.1f} kB"


def bar(share: float) -> str:
    """A cell of a table: a bar, as long as the share of the longest, from 0 to 1."""
    return f'<i class="share" style="width:{max(round(100 * share), 1)}%"></i>'


def _cell(kind: str, value: str) -> str:
    if _BAR.fullmatch(value):
        return f'<td class="bars">{value}</td>'
    return _MARKS.get(value, f"<td{kind}>{escape(value)}</td>")
