"""`python -m tests.coverage.targets [--part K/N] [--resume] [ROW...]`: every row on every target.

Rows are named as in the table, such as "JAX, lax.scan, open batch: GRU"; those that are not named
keep what was measured before, as long as the tables of the targets are the same. What a row needs
must be there, and so must each runtime: Chromium with LiteRT.js, tflite-micro, Vela.

All rows take 20 minutes on two cores. Each is put down in build/coverage-targets when it is
measured. `--part 1/4` measures a quarter of them and no more; `--resume` takes what is put down
there instead of measuring it again, and writes the page.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.runners import RUNNERS
from tests.coverage.apart import measured
from tests.coverage.row import Row
from tests.coverage.rows import ROWS, missing
from tests.coverage.table import ROOT
from tests.coverage.targets_table import RESULTS, load_results, table_digest, write_results

#: Where each row is put down as soon as it is measured.
PROGRESS = ROOT / "build" / "coverage-targets"


def main() -> None:
    """Measures the named rows, or all, and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--part", default="1/1", help="K/N: the Kth part of N, and no page")
    parser.add_argument("--resume", action="store_true", help="take the rows that are put down")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    asked = parser.parse_args()
    _check_all_is_here()
    known = _known() if asked.rows else {}
    if asked.resume:
        known |= put_down()
    part, parts = map(int, asked.part.split("/"))
    complaints: list[str] = []
    for row in ROWS[part - 1 :: parts]:
        if row.name in known and row.name not in asked.rows:
            continue
        known[row.name], wrong = measure(row)
        print(row.name, *wrong, sep="\n  ", flush=True)
        complaints += wrong
    if complaints:
        raise SystemExit("Tables and runtimes differ: the page is not written.")
    if parts == 1:
        write_results([known[row.name] for row in ROWS])


def _check_all_is_here() -> None:
    lacking = [reason for each in RUNNERS.values() if (reason := each.missing())]
    lacking += [vela.missing()] if vela.missing() else []
    lacking += [f"{row.name}: {reason}" for row in ROWS if (reason := missing(row))]
    if lacking:
        raise SystemExit("\n".join(lacking))


def measure(row: Row) -> tuple[dict[str, Any], list[str]]:
    """A row, put down where nothing is wrong with it."""
    try:
        made, wrong = measured(row)
    except AssertionError as failure:
        return {}, [str(failure)]
    if not wrong:
        PROGRESS.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(row), json.dumps({"tables": _tables(), "row": made}).encode())
    return made, wrong


def put_down() -> dict[str, Any]:
    """The rows that were put down, by the tables of today."""
    files = {row.name: _file(row) for row in ROWS if _file(row).exists()}
    found = {name: json.loads(file.read_text()) for name, file in files.items()}
    return {name: each["row"] for name, each in found.items() if each["tables"] == _tables()}


def _file(row: Row) -> Path:
    return PROGRESS / f"{hashlib.sha256(row.name.encode()).hexdigest()[:16]}.json"


def _tables() -> dict[str, str]:
    return {name: table_digest(name) for name in RUNTIMES}


def _known() -> dict[str, Any]:
    """What the page has, by row; by the tables of today."""
    if not RESULTS.exists():
        return {}
    before, today = load_results(), _tables()
    changed = [name for name in RUNTIMES if before["tables"].get(name) != today[name]]
    if changed:
        raise SystemExit(f"Measure all rows: the tables of {', '.join(changed)} have changed.")
    return {f"{row['source']}: {row['cell']}": row for row in before["rows"]}


if __name__ == "__main__":
    main()
