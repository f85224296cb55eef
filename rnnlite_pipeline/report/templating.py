"""Texts from Jinja templates, which are files in the folder `templates/` of each room.

A template has the name of its result and the suffix `.jinja`: `report.html.jinja`. In HTML and SVG
every value is escaped. Templates of code and Markdown write values unchanged.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any, NoReturn

from jinja2 import (
    BytecodeCache,
    Environment,
    PackageLoader,
    StrictUndefined,
    nodes,
    select_autoescape,
)
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

_CODE = re.compile("`([^`]+)`")

#: The templates in which every value is escaped.
ESCAPED = ("html.jinja", "svg.jinja")


#: The packages that have templates.
ROOMS = ("rnnlite_pipeline.report", "rnnlite_pipeline.release")


class _Kept(BytecodeCache):
    """Keeps the code of each template, also for environments that differ in their filters."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the code that was compiled from this text."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what was compiled."""
        self._code[bucket.key, bucket.checksum] = bucket.code


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
        bytecode_cache=_Kept(),
    )
    made.filters["prose"] = prose
    return made


def compile_all() -> None:
    """Compiles the templates of each room that is imported: this takes longer than they do.

    A filter that its user adds is not there yet; its template is compiled as if it were.
    """
    for room in (each for each in ROOMS if each in sys.modules):
        made = templates(room).overlay()
        assert made.loader
        texts = {name: made.loader.get_source(made, name)[0] for name in made.list_templates()}
        used = {each.name for text in texts.values() for each in _filters(made, text)}
        made.filters = {**dict.fromkeys(used, _added_later), **made.filters}
        for name in texts:
            made.get_template(name)


def _filters(made: Environment, text: str) -> list[nodes.Filter]:
    return list(made.parse(text).find_all(nodes.Filter))


def _added_later(*_given: object) -> NoReturn:
    raise NotImplementedError  # the compiler tries a filter on constants, and then leaves it be


def prose(text: str) -> Markup:
    """A message as HTML: escaped, with the parts in backquotes as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
