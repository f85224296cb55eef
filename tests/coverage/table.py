"""The coverage table: coverage.json, and what is written from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("coverage.json")
PAGE = ROOT / "docs" / "coverage.md"
README = ROOT / "README.md"

#: Between these stands the README's table.
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"

_PAGE = """# Coverage

Each row is a test: the model is built with the real framework, written in its format, opened,
converted and compared with the framework, on the reference kernels and on the default delegate, at
batches of 1 and 3, called twice. `python -m tests.coverage` measures all of them and writes this
page; `make test-slow` holds every row to it.

- **read as** is what `rnnlite inspect` calls each recurrent layer, **becomes** its op.
- **error** is the power of ten above the largest difference, as a part of the output's scale.
- **stock converter** is `TFLiteConverter` on the same source with its defaults, from_keras_model,
  from_saved_model or from_concrete_functions: with the batch open, else with a batch of 1; run at
  batches of 1 and 3, twice. {versions}.

[Coverage on every target](coverage-targets.md) has the same rows on each runtime.

{table}

Why a loop is one:

{reasons}
"""


def load_results() -> dict[str, Any]:
    """What was measured: `versions`, and `rows`."""
    results: dict[str, Any] = json.loads(RESULTS.read_text())
    return results


def page(results: dict[str, Any]) -> str:
    """docs/coverage.md."""
    rows = results["rows"]
    titles = ("source", "cell", "read as", "becomes", "error", "stock converter")
    table = _table(titles, ((*_cells(row), row["stock"]) for row in rows))
    reasons = "\n".join(
        f"- {row['source']}, {row['cell']}: {_plain(row['reason'])}."
        for row in rows
        if row["reason"]
    )
    versions = ", ".join(f"{name} {v}" for name, v in results["versions"].items())
    return _PAGE.format(versions=f"Measured with {versions}", table=table, reasons=reasons)


def readme_block(results: dict[str, Any]) -> str:
    """The README's table, with its markers: a line for each source and what comes of it."""
    titles = ("source", "cell", "read as", "becomes", "error")
    return f"{BEGIN}\n{_table(titles, map(_cells, results['rows']))}\n{END}"


def readme(text: str, results: dict[str, Any]) -> str:
    """The README with its table made anew."""
    start, end = text.index(BEGIN), text.index(END) + len(END)
    return text[:start] + readme_block(results) + text[end:]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    became = " and ".join(f"`{op}`" for op in _joined(row["ops"]))
    read = ", ".join(dict.fromkeys(row["read_as"]))
    return row["source"], row["cell"], read, became, f"1e{row['error']}"


def _joined(ops: Sequence[str]) -> list[str]:
    """Each op once, with how many there are; both directions of one op are one."""
    counts = {op: ops.count(op) // (2 if op.startswith("BI") else 1) for op in ops}
    return [op if n == 1 else f"{n} × {op}" for op, n in counts.items()]


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(reason: str) -> str:
    """A formula's asterisks are no emphasis."""
    return re.sub(r"([*_<|])", r"\\\1", reason)
