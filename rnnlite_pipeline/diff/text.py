"""Differences as a person reads them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rnnlite_pipeline.diff.compare import Differences

_DIGEST = 64


def as_text(first: Path, second: Path, differences: Differences) -> str:
    """A paragraph for each section, a line for each key; `+` for added, `-` for removed."""
    lines = [f"{first} -> {second}"]
    same = [section for section, changes in differences.items() if not changes]
    for section, changes in differences.items():
        if changes:
            lines += ["", section]
            lines += [_line(key, change["from"], change["to"]) for key, change in changes.items()]
    if len(same) == len(differences):
        lines.append(f"no difference in {', '.join(same)}")
    elif same:
        lines += ["", f"the same: {', '.join(same)}"]
    return "\n".join(lines) + "\n"


def _line(key: str, before: Any, after: Any) -> str:
    if before is None:
        return f"  + {key}: {_short(after)}"
    if after is None:
        return f"  - {key}: {_short(before)}"
    return f"  {key}: {_short(before)} -> {_short(after)}{_change(before, after)}"


def _change(before: Any, after: Any) -> str:
    """By how much a number changed."""
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    if not numbers or isinstance(before, bool) or not before:
        return ""
    if not (math.isfinite(before) and math.isfinite(after)):
        return ""
    return f" ({100 * (after - before) / before:+.1f} %)"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return f"{text[:12]}..." if len(text) == _DIGEST else text
