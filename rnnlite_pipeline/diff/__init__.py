"""The command diff: the differences between two releases, models or configs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rnnlite_pipeline.diff.compare import compare
from rnnlite_pipeline.diff.contents import contents_of
from rnnlite_pipeline.diff.text import as_text

__all__ = ["run_diff"]


def run_diff(first: Path, second: Path, *, as_json: bool) -> int:
    """Print the differences of the parts that both have.

    Args:
        first: A release (.zip), a model (.tflite) or a config (.yaml).
        second: Likewise.
        as_json: Whether to print JSON; else text.

    Returns:
        0, whether or not they differ.

    Raises:
        CallError: A file is missing or of no known kind, or the two have nothing in common.
        RnnliteError: A file is damaged.
    """
    differences = compare(contents_of(first), contents_of(second))
    if as_json:
        text = json.dumps(differences, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    else:
        text = as_text(first, second, differences)
    sys.stdout.write(text)
    return 0
