"""Templates: `@FIELD@` is replaced; braces and dollars of the languages stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping


def filled(template: str, fields: Mapping[str, str]) -> str:
    """A template with its fields; an empty one takes its line along."""
    for field, value in fields.items():
        if not value:
            template = template.replace(f"@{field}@\n", "")
        template = template.replace(f"@{field}@", value)
    return template


def plain(text: str) -> str:
    """A name as it may stand in any comment or docstring: what could end one becomes `?`."""
    return re.sub(r"[^\w :;/.()-]", "?", text)
