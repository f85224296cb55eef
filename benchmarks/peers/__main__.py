"""What each form of a recurrent model costs, as parts of ONNX Runtime's time.

    python -m benchmarks.peers [--case REGEX]... [--batch 8] [--threads 4] [--json F [--resume]]
                               [--markdown F]

All forms of a case and both peers run in one process, in turns, in many short rounds; every figure
is the median of the rounds' ratios to ONNX Runtime. Where the interval of a median is wider than
15 % of it, the table says `cannot tell`. A model whose output differs from ONNX Runtime's ends the
benchmark: what computes something else is not compared. The file of `--json` is written after each
case; with `--resume` the cases that it has are not measured again.

Needs the extra `bench`; `make bench LOCK=requirements-extras.lock` sets up all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.cases import LONG, Case, Stack, grid
from benchmarks.peers.others import (
    Array,
    Ready,
    onnx_model,
    onnx_runtime,
    openvino_runtime,
    versions,
)
from benchmarks.peers.ours import lowered, stock
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.lower.choice import SHORT
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import Ratio, ratio, timed
from rnnlite_pipeline.tasks.plan import toolchain

#: What all others are compared with.
REFERENCE = "ONNX Runtime"

#: How far an output may be from the reference's, in float and with int8 weights.
FLOAT, INT8 = 1e-3, 0.2

#: Every column of the table.
COLUMNS = (
    REFERENCE,
    "OpenVINO",
    "stock",
    "fused",
    "loop",
    "loop, T open",
    "steps",
    "fused, int8 weights",
    "loop, int8 weights",
    "steps, int8 weights",
)


def models(
    case: Case, stack: Stack, batch: int, columns: Iterable[str]
) -> Iterator[tuple[str, bytes]]:
    """The case in each form that there is of it, as .tflite."""
    fusable = not why_not_fused(Recurrence("layer", stack[0][0], time_major=False))
    for column in columns:
        form, _, scheme = column.partition(", ")
        if form == "stock" and (case != LONG or batch == 1):
            yield column, stock(case, stack, batch)
        if form == "loop" and (case.steps > 1 or scheme != "T open"):
            options = {"int8": scheme == "int8 weights", "open_steps": scheme == "T open"}
            yield column, lowered(case, stack, "loop", **options)
        if form == "steps" and 1 < case.steps <= SHORT:
            yield column, lowered(case, stack, "unrolled", int8=scheme == "int8 weights")
        if form == "fused" and fusable:
            yield column, lowered(case, stack, "fused", int8=scheme == "int8 weights")


def litert(model: bytes, x: Array, threads: int) -> Ready:
    """A .tflite on LiteRT's interpreter with its default delegate."""
    runner = Runner(model, "default", threads=threads)
    runner.run(dict.fromkeys(runner.inputs, x))
    return runner.invoke, lambda: next(iter(runner.results().values()))


def measured(case: Case, batch: int, threads: int, columns: Iterable[str]) -> dict[str, Ratio]:
    """Each column's time as parts of the reference's.

    Raises:
        SystemExit: A model's output differs from the reference's.
    """
    stack, x = case.stack(), case.x(batch)
    peer = onnx_model(case, stack, batch)
    ready = {REFERENCE: onnx_runtime(case, peer, x, threads)}
    if "OpenVINO" in columns:
        ready["OpenVINO"] = openvino_runtime(case, peer, x, threads)
    for column, model in models(case, stack, batch, columns):
        ready[column] = litert(model, x, threads)
    for call, _ in ready.values():
        call()
    expected = ready[REFERENCE][1]()
    for column, (_, result) in ready.items():
        apart = float(np.max(np.abs(result() - expected)))
        if not apart <= (INT8 if "int8" in column else FLOAT):
            sys.exit(f"{case}: {column} differs from {REFERENCE} by {apart:.3g}")
    # One thread's work is told by the clock of the process: what others took does not count.
    clock = time.process_time if threads == 1 else time.perf_counter
    rounds = timed({name: call for name, (call, _) in ready.items()}, clock)
    return {name: ratio(times, rounds[REFERENCE]) for name, times in rounds.items()}


def markdown(table: Mapping[str, Mapping[str, Ratio]], columns: Iterable[str]) -> str:
    """The table; a form that there is not has a dash."""
    shown = [column for column in columns if column != REFERENCE]
    lines = [f"| T, F, U | {' | '.join(shown)} |", "| --- " * (1 + len(shown)) + "|"]
    for name, row in table.items():
        cells = [str(row[column]) if column in row else "-" for column in shown]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures and prints the table, line by line; writes it where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--case", action="append", help="a regular expression of the cases")
    parser.add_argument("--column", action="append", choices=COLUMNS, help="only these columns")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="writes all ratios with their intervals")
    parser.add_argument("--resume", action="store_true", help="keeps what the file of --json has")
    parser.add_argument("--markdown", type=Path, help="writes the table")
    asked = parser.parse_args()
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    columns = asked.column or COLUMNS
    record = _record({"batch": asked.batch, "threads": asked.threads, "columns": [*columns]})
    table = _measured_before(asked.json, record) if asked.resume and asked.json else {}
    for case in grid():
        wanted = not asked.case or any(re.search(text, str(case)) for text in asked.case)
        if not wanted or str(case) in table:
            continue
        table[str(case)] = measured(case, asked.batch, asked.threads, columns)
        told = ", ".join(f"{k} {v}" for k, v in table[str(case)].items() if k != REFERENCE)
        print(f"{case}: {told}", flush=True)
        if asked.json:
            _write(asked.json, json.dumps({**record, "ratios": _numbers(table)}, indent=1) + "\n")
    if asked.markdown:
        _write(asked.markdown, markdown(table, columns))


def _measured_before(path: Path, record: Mapping[str, Any]) -> dict[str, dict[str, Ratio]]:
    """What a file has.

    Raises:
        SystemExit: It was measured with something else.
    """
    if not path.exists():
        return {}
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if other := [key for key, value in record.items() if before.get(key) != value]:
        sys.exit(
            f"{path} was measured with other {', '.join(other)}: remove it, or leave --resume out"
        )
    rows = before["ratios"].items()
    return {name: {key: Ratio(*ends) for key, ends in row.items()} for name, row in rows}


def _numbers(table: Mapping[str, Mapping[str, Ratio]]) -> dict[str, dict[str, list[float]]]:
    return {
        name: {key: [round(v, 3) for v in (r.median, r.low, r.high)] for key, r in row.items()}
        for name, row in table.items()
    }


def _record(setting: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: version(name) for name in ("ai-edge-litert", "tensorflow", "keras")}
    about = {"machine": machine(), "versions": own | versions(), "code": toolchain()["code"]}
    about |= setting
    return {**about, "reference": REFERENCE}


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    main()
