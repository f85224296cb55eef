"""One row on every target, in a process of its own: `python -m tests.coverage.apart ROW`.

What a row leaves behind (TensorFlow's graphs, a browser, a runtime that crashed) ends with its
process, and no row waits for another one. A process that takes longer than its budget is ended,
and the error says where it was.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rnnlite_pipeline.child import run_apart, tell
from rnnlite_pipeline.runtimes import RUNTIMES
from tests.coverage.on_targets import Built, hold
from tests.coverage.row import Row
from tests.coverage.rows import ROWS

#: What a row may take, in seconds. Most take 15 on two cores, 6 of them to be built.
BUDGET = 300.0

#: Begins a line that names the step under way.
_STEP = "step: "


def measured(row: Row, seconds: float = BUDGET) -> tuple[dict[str, Any], list[str]]:
    """A row on every target, for targets.json; and what runtimes do otherwise than their tables.

    Args:
        row: The row.
        seconds: What its process may take.

    Raises:
        AssertionError: The process failed or took too long; with the step that it was at.
    """
    with tempfile.TemporaryFile() as log:
        told, why = run_apart("tests.coverage.apart", [row.name], seconds, log.fileno())
        log.seek(0)
        printed = log.read().decode(errors="replace").splitlines()
    if why:
        step = next((line for line in reversed(printed) if line.startswith(_STEP)), "its start")
        last = "\n".join(printed[-20:])
        raise AssertionError(f"{row.name} {why} at {step.removeprefix(_STEP)}:\n{last}")
    made: tuple[dict[str, Any], list[str]] = json.loads(told)
    return made


def _measure(row: Row) -> tuple[dict[str, Any], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        _at("building the model in its framework")
        built = Built(row, Path(folder))
        placed = []
        for target in RUNTIMES:
            _at(f"converting for {target}")
            placed.append(built.on(target))
        targets, wrong = {}, []
        for each in placed:
            _at(f"holding to {each.target}")
            held = hold(built, each, placed)
            targets[each.target] = each.as_json() | held.as_json()
            wrong += [f"{row.name}, {each.target}: {said}" for said in held.wrong]
    return {"source": row.source, "cell": row.cell, "targets": targets}, wrong


def _at(step: str) -> None:
    print(_STEP + step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    (_row,) = (row for row in ROWS if row.name == sys.argv[1])
    tell(lambda: json.dumps(_measure(_row)))
