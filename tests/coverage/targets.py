"""`python -m tests.coverage.targets [ROW...]`: every row on every target, and the page of it.

Rows are named as in the table, such as "JAX, lax.scan, open batch: GRU"; those that are not named
keep what was measured before. What a row needs must be there, and so must each runtime: Chromium
with LiteRT.js, tflite-micro, Vela.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from tests.coverage.on_targets import Built, close_browser, hold
from tests.coverage.row import Row
from tests.coverage.rows import ROWS, missing
from tests.coverage.targets_table import RESULTS, load_results, write_results


def measured(row: Row) -> tuple[dict[str, Any], list[str]]:
    """A row on every target, for targets.json; and what runtimes do otherwise than their tables."""
    with tempfile.TemporaryDirectory() as folder:
        built = Built(row, Path(folder))
        placed = [built.on(target) for target in RUNTIMES]
        held = [hold(built, each, placed) for each in placed]
    targets = {
        p.target: p.as_json() | {"error": h.error} for p, h in zip(placed, held, strict=True)
    }
    wrong = [
        f"{row.name}, {p.target}: {each}"
        for p, h in zip(placed, held, strict=True)
        for each in h.wrong
    ]
    return {"source": row.source, "cell": row.cell, "targets": targets}, wrong


def main(names: Collection[str]) -> None:
    """Measures the named rows, or all, and writes."""
    lacking = [reason for each in RUNNERS.values() if (reason := each.missing())]
    lacking += [vela.missing()] if vela.missing() else []
    lacking += [f"{row.name}: {reason}" for row in ROWS if (reason := missing(row))]
    if lacking:
        raise SystemExit("\n".join(lacking))
    before = load_results()["rows"] if RESULTS.exists() and names else []
    known = {f"{row['source']}: {row['cell']}": row for row in before}
    complaints: list[str] = []
    for row in ROWS:
        if row.name in known and row.name not in names:
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            known[row.name], wrong = measured(row)
        print(row.name, *wrong, sep="\n  ", flush=True)
        complaints += wrong
    close_browser()
    if complaints:
        raise SystemExit("Tables and runtimes differ: nothing is written.")
    write_results([known[row.name] for row in ROWS])


if __name__ == "__main__":
    main(sys.argv[1:])
