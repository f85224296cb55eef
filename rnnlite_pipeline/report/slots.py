"""Places of a page that are filled again after verify wrote it, each between two comments.

No text of a model can hold such a comment: all of it is escaped.
"""

from __future__ import annotations

from markupsafe import Markup


def slot(name: str, content: str = "") -> Markup:
    """A place with its first content."""
    return Markup(f"<!--{name}-->{content}<!--/{name}-->")


def filled(page: str, name: str, content: str) -> str:
    """The page with other content in a place; as it is where it has no such place."""
    above, start, rest = page.partition(f"<!--{name}-->")
    _, end, below = rest.partition(f"<!--/{name}-->")
    return f"{above}{start}{content}{end}{below}" if end else page
