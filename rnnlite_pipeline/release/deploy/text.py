"""The templates of the code, `release/templates/deploy/`, and names as code may hold them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rnnlite_pipeline.report.templating import templates


def written(template: str, values: Mapping[str, Any], **filters: Callable[..., Any]) -> str:
    """The text that a template makes.

    Args:
        template: Its name in the folder `deploy/`, without `.jinja`.
        values: What it writes.
        filters: The filters with which it writes some of them.
    """
    made = templates("rnnlite_pipeline.release").overlay()
    made.filters = {**made.filters, "repr": repr, **filters}
    return made.get_template(f"deploy/{template}.jinja").render(values)


def plain(text: str) -> str:
    """A name in a form that is safe in any comment or docstring: what could end one becomes `?`."""
    return re.sub(r"[^\w :;,/.()-]", "?", text)
