"""Where a call's time goes: kernel by kernel in a loop of rnnlite, op by op in ONNX Runtime.

    python -m benchmarks.peers.profile [--case TEXT]... [--missed F] [--seconds 2]
                                       [--json F] [--markdown F]

LiteRT's Python interpreter tells no times by op, and what runs in a loop's body cannot be timed
alone: much of it is what a call of an op costs. So Linux's `perf` looks 4,000 times a second which
function runs, while a process does nothing but the call. Functions are put together by what they
are for (`KINDS`). What no kind names is what the calls of ops cost: the interpreter, the delegate
and its thread pool. ONNX Runtime tells the time of each op itself. Shares hardly change with the
load of the machine; the time of a call is the process's, measured in the same run.

`--missed F` takes the cases that miss their goal in a file that `benchmarks.peers --json` wrote.

Needs `perf` (Debian: linux-perf) and /proc/sys/kernel/perf_event_paranoid of at most 2.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.cases import Case, grid
from rnnlite_pipeline.files import write_atomically

PEER = "ONNX Runtime"

#: The columns that are looked into, and whether weights are in int8; None: the peer.
COLUMNS: Mapping[str, bool | None] = {
    "loop": False,
    "loop, int8 weights": True,
    PEER: None,
}

#: What functions are for, by their names; the first that is found counts.
KINDS: Mapping[str, str] = {
    "products over the sequence": r"_gemm_\w*ukernel_[2-9]x",
    "products of a step": r"_gemm_\w*ukernel_1x",
    "inputs made int8": r"rminmax|pack_lh|qs8_vcvt|qd8_asymmetric",
    "sigmoid and tanh": r"_vsigmoid|_vtanh",
    "other elementwise kernels": r"_v(add|mul|sub|max|min|cmul|clamp)\w*ukernel",
    "memory copied": r"memmove|memcpy|memset|xx_copy|x32_transpose|TensorCopy",
    "a loop prepared anew in each call": (
        r"Prepare|AllocateTensors|ReleaseMap|Arena|[Rr]eshape|[Rr]esize|malloc|_free|cfree"
        r"|Hashtable|_setup_|setup_|VectorOfTensors.*insert|operator (new|delete)|calloc"
    ),
}

#: Everything else of the runtime.
CALLS = "calls of ops"

#: What is not the runtime's: Python's own calls.
_PYTHON = re.compile(r"python|numpy|kernel|vdso|ld-linux|openblas|umath")


def kind(library: str, symbol: str) -> str:
    """What a function is for; empty where it is not the runtime's."""
    if _PYTHON.search(library):
        return ""
    return next((name for name, names in KINDS.items() if re.search(names, symbol)), CALLS)


def shares(report: str) -> dict[str, float]:
    """The part of the runtime's time that each kind takes, from perf's table.

    Args:
        report: Lines `12.34% library [.] symbol`.
    """
    found: dict[str, float] = {}
    for line in report.splitlines():
        parts = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[.\]\s+(.+?)\s*(?:-\s+-)?\s*$", line)
        if parts and (name := kind(parts[2], parts[3])):
            found[name] = found.get(name, 0.0) + float(parts[1])
    total = sum(found.values())
    return {name: share / total for name, share in found.items()}


def profiled(case: Case, column: str, seconds: float) -> tuple[float, dict[str, float]]:
    """Microseconds of a call, and the shares of its kinds, or of ONNX Runtime's ops.

    Raises:
        SystemExit: The process that is looked at, or perf, has failed.
    """
    words = [sys.executable, "-m", "benchmarks.peers.profile", "--child", str(case), column]
    words += ["--seconds", str(seconds)]
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "perf.data")
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None, "it is a pipe"
            while (line := child.stdout.readline()) and line != "ready\n":
                pass
            record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-o", data]
            subprocess.run([*record, "-p", str(child.pid)], check=True, capture_output=True)
            told = child.stdout.read()
        if child.returncode:
            sys.exit(f"{case}: the process that runs {column} has failed")
        answer: dict[str, Any] = json.loads(told.splitlines()[-1])
        table = ["perf", "report", "-i", data, "--stdio", "-q", "--sort", "dso,symbol"]
        report = subprocess.run(table, check=True, capture_output=True, text=True).stdout
    return answer["us"], answer["ops"] or shares(report)


def _run(case: Case, column: str, seconds: float) -> None:
    """Does nothing but the call for so many seconds of the process; tells microseconds a call."""
    call, ops = _ready(case, column)
    for _ in range(20):
        call()
    print("ready", flush=True)
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        for _ in range(20):
            call()
        count += 20
    us = 1e6 * (time.process_time() - start) / count
    print(json.dumps({"us": us, "ops": ops()}), flush=True)


def _ready(case: Case, column: str) -> tuple[Callable[[], object], Callable[[], dict[str, float]]]:
    """The call, and what tells the shares of its ops where the runtime does."""
    int8, x = COLUMNS[column], case.x(1)
    if int8 is None:
        return _peer(case)
    from benchmarks.peers.ours import lowered
    from rnnlite_pipeline.runtimes.interpreter import Runner

    runner = Runner(lowered(case, case.stack(), "loop", int8=int8), "default")
    runner.run(dict.fromkeys(runner.inputs, x))
    return runner.invoke, dict


def _peer(case: Case) -> tuple[Callable[[], object], Callable[[], dict[str, float]]]:
    """ONNX Runtime's call, and its own profile, of a session apart: to profile takes time."""
    import onnxruntime

    from benchmarks.peers.others import onnx_model, onnx_runtime

    model, x = onnx_model(case, case.stack(), 1), case.x(1)

    def ops() -> dict[str, float]:
        options, times = onnxruntime.SessionOptions(), Counter[str]()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with tempfile.TemporaryDirectory() as folder:
            options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
            session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
            for _ in range(200):
                session.run(None, {"x": x.swapaxes(0, 1).copy()})
            told = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        for event in told:
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                times[event["args"]["op_name"]] += event["dur"]
        return {name: dur / times.total() for name, dur in times.items()}

    return onnx_runtime(case, model, x, 1)[0], ops


def missed(ratios: Mapping[str, list[float]], case: Case) -> list[str]:
    """The columns of a case whose goal is missed: of a loop, all of the ratio's interval above it.

    A float loop is to take at most ONNX Runtime's time from 256 units up, and 1.2 of it below; one
    with int8 weights 0.7 of it.
    """
    goals = {"loop": 1.0 if case.units >= 256 else 1.2, "loop, int8 weights": 0.7}
    return [name for name, goal in goals.items() if name in ratios and ratios[name][1] > goal]


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of what was found of rnnlite; shares are percent, and times microseconds a call."""
    kinds = [*KINDS, CALLS]
    lines = [
        f"| T, F, U | us | {PEER}, us | {' | '.join(kinds)} |",
        "| --- " * (3 + len(kinds)) + "|",
    ]
    for name, each in found.items():
        case, _, column = name.partition(": ")
        if column == PEER:
            continue
        peer = found.get(f"{case}: {PEER}")
        cells = [f"{each['us']:.0f}", f"{peer['us']:.0f}" if peer else "-"]
        cells += [f"{each['shares'].get(kind, 0.0):.0%}" for kind in kinds]
        lines.append(f"| {case}{column.removeprefix('loop')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _asked(words: argparse.Namespace) -> Iterator[tuple[Case, list[str]]]:
    file: dict[str, Any] = json.loads(words.missed.read_text()) if words.missed else {}
    for case in grid():
        if words.case and not any(text in str(case) for text in words.case):
            continue
        columns = [*COLUMNS]
        if words.missed:
            columns = missed(file["ratios"].get(str(case), {}), case)
            columns += [PEER] if columns else []
        yield case, columns


def main() -> None:
    """Profiles what is asked for, and prints it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.profile")
    parser.add_argument("--case", action="append", help="only cases whose name has this text")
    parser.add_argument("--missed", type=Path, help="only what misses its goal in this file")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each")
    parser.add_argument("--json", type=Path, help="writes what was found, after each")
    parser.add_argument("--markdown", type=Path, help="writes a table of rnnlite's")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.child:
        case = next(case for case in grid() if str(case) == words.child[0])
        _run(case, words.child[1], words.seconds)
        return
    if shutil.which("perf") is None:
        sys.exit("There is no `perf` on this machine (Debian: linux-perf); the rest needs none.")
    found: dict[str, dict[str, Any]] = {}
    for case, columns in _asked(words):
        for column in columns:
            us, parts = profiled(case, column, words.seconds)
            ordered = dict(sorted(parts.items(), key=lambda part: -part[1]))
            told = ", ".join(f"{kind} {share:.0%}" for kind, share in ordered.items())
            print(f"{case}: {column}: {us:.1f} us: {told}", flush=True)
            shown = {kind: round(share, 3) for kind, share in ordered.items()}
            found[f"{case}: {column}"] = {"us": round(us, 2), "shares": shown}
            if words.json:
                write_atomically(words.json, (json.dumps(found, indent=1) + "\n").encode())
    if words.markdown:
        write_atomically(words.markdown, markdown(found).encode())


if __name__ == "__main__":
    main()
