"""Texts from Jinja templates, which are files in the folder `templates/` of each room.

A template has the name of its result and the suffix `.jinja`: `report.html.jinja`. In HTML and SVG
every value is escaped. Templates of code and Markdown write values unchanged.
"""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

_CODE = re.compile("`([^`]+)`")

#: The templates in which every value is escaped.
ESCAPED = ("html.jinja", "svg.jinja")


@cache
def templates(room: str) -> Environment:
    """The templates of a room.

    A name that a template uses and that has no value is an error; it does not become empty text.

    Args:
        room: The package whose folder `templates/` holds them, as in `rnnlite_pipeline.report`.
    """
    made = Environment(
        loader=PackageLoader(room),
        autoescape=select_autoescape(ESCAPED, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["prose"] = prose
    return made


def prose(text: str) -> Markup:
    """A message as HTML: escaped, with the parts in backquotes as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
