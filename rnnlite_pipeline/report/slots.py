"""Slots: parts of a page between two HTML comments, which a later stage replaces.

A text of a model cannot contain such a comment, because every text is escaped.
"""

from __future__ import annotations

from markupsafe import Markup


def slot(name: str, content: str = "") -> Markup:
    """A slot with its first content."""
    return Markup(f"<!--{name}-->{content}<!--/{name}-->")


def filled(page: str, name: str, content: str) -> str:
    """The page with new content in a slot; unchanged if the page has no such slot."""
    above, start, rest = page.partition(f"<!--{name}-->")
    _, end, below = rest.partition(f"<!--/{name}-->")
    return f"{above}{start}{content}{end}{below}" if end else page
