"""What steps written out cost by their number, beside the loop: size, memory and time.

    python -m benchmarks.unrolled [--guide docs/guides/targets.md] [--case TEXT]...

One layer, batch 1, the whole sequence returned, on LiteRT's default delegate with one thread. The
two models of a line are timed in turns, in one process, by the clock of the thread. Memory is that
of a process of its own: what it grows by when the model is loaded and has run once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.gains import FEATURES, in_integers
from benchmarks.peers.cases import Case, Kind
from benchmarks.peers.ours import pseudo
from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.choice import Form
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import timed

KINDS: tuple[Kind, ...] = ("LSTM", "GRU")
UNITS = (64, 256)
STEPS = (1, 4, 16, 64, 128)
SCHEMES = ("float32", "int8")

#: Between these stands the table in the guide.
BEGIN = "<!-- Measured and written by `python -m benchmarks.unrolled --guide FILE`. -->"
END = "<!-- End of the measured part. -->"


@dataclass(frozen=True)
class Cost:
    """A model of steps beside the loop.

    Attributes:
        ops: Of the steps.
        size: Of both files in bytes: steps, loop.
        memory: What a process grows by, in bytes: steps, loop.
        load: The time to load and to run once, as parts of the loop's.
        run: The time of a call, as parts of the loop's.
    """

    ops: int
    size: tuple[int, int]
    memory: tuple[int, int]
    load: float
    run: float


def cases() -> Iterator[tuple[Case, str]]:
    """Every line of the table."""
    for kind in KINDS:
        for units in UNITS:
            for scheme in SCHEMES:
                for steps in STEPS:
                    yield Case(kind, steps, FEATURES[units], units), scheme


def model(case: Case, scheme: str, form: Form) -> Model:
    """A case as a loop, also where it has one turn, or as steps.

    Raises:
        NotConvertible: The steps are above the limits.
    """
    made = pseudo(case, case.stack(), batch=1)
    lower(made, form, scheme == "int8", weight_bytes=1 if scheme == "int8" else 4)
    if scheme == "int8":
        made = in_integers(made, case)
    if form == "unrolled":
        unroll(made, every=True, packs=True)
    return made


def cost(case: Case, scheme: str) -> Cost:
    """Measures one line.

    Raises:
        NotConvertible: The steps are above the limits.
    """
    steps = model(case, scheme, "unrolled")
    contents = {"steps": write_model(steps), "loop": write_model(model(case, scheme, "loop"))}
    given = {"x": case.x(1)}
    loads: dict[str, list[float]] = {name: [] for name in contents}
    for _ in range(5):
        for name, content in contents.items():
            start = time.thread_time()
            _first(content, given)
            loads[name].append(time.thread_time() - start)
    calls = {}
    for name, content in contents.items():
        runner = Runner(content, "default", threads=1)
        calls[name] = partial(runner.run, given)
        calls[name]()
    return Cost(
        len(steps.main.ops),
        (len(contents["steps"]), len(contents["loop"])),
        (_grown(contents["steps"], given), _grown(contents["loop"], given)),
        _ratio(loads),
        _ratio(timed(calls, time.thread_time)),
    )


def _ratio(rounds: dict[str, list[float]]) -> float:
    return statistics.median(a / b for a, b in zip(rounds["steps"], rounds["loop"], strict=True))


def _first(content: bytes, given: Mapping[str, Array]) -> None:
    Runner(content, "default", threads=1).run(given)


def _grown(content: bytes, given: Mapping[str, Array]) -> int:
    """What a new process grows by at its peak, in bytes, once it has run another small model."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    small = Case("LSTM", 1, 4, 4)
    before = (write_model(model(small, "float32", "unrolled")), {"x": small.x(1)})
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(before, (content, given), sender)
    )
    process.start()
    grown = int(receiver.recv())
    process.join()
    return grown


def _child(
    before: tuple[bytes, Mapping[str, Array]],
    then: tuple[bytes, Mapping[str, Array]],
    sender: Connection,
) -> None:
    _first(*before)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    start = _peak()
    _first(*then)
    sender.send(_peak() - start)
    sender.close()


def _peak() -> int:
    """The peak of the resident memory, in bytes: VmHWM of proc(5)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def table(found: dict[tuple[Case, str], Cost | str]) -> str:
    """The measured part of the guide, with its markers: what was measured where, and the table."""
    about = machine()
    told = f"ai-edge-litert {version('ai-edge-litert')}, {about['processor']}, one thread"
    lines = [
        "| cell, F, U | values | steps | ops | file, KB | memory, MB | load | call |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (case, scheme), costs in found.items():
        head = f"{case.kind} {case.features}, {case.units} | {scheme} | {case.steps}"
        lines.append(f"| {head} | {_cells(costs)} |")
    return "\n".join([BEGIN, f"Measured with {told}.", "", *lines, END])


def _cells(costs: Cost | str) -> str:
    if isinstance(costs, str):
        return f"{costs} | | | | "
    sizes = f"{costs.size[0] / 1e3:.0f} ({costs.size[1] / 1e3:.0f})"
    memory = f"{costs.memory[0] / 1e6:.1f} ({costs.memory[1] / 1e6:.1f})"
    return f"{costs.ops} | {sizes} | {memory} | {costs.load:.2f} | {costs.run:.2f}"


def main() -> None:
    """Prints each line as it is measured; writes the table into the guide."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--guide", type=Path, help="the page whose measured part is written anew")
    parser.add_argument("--case", action="append", default=[], help="part of a case's name")
    asked = parser.parse_args()
    found: dict[tuple[Case, str], Cost | str] = {}
    for case, scheme in cases():
        if asked.case and not any(text in f"{case}, {scheme}" for text in asked.case):
            continue
        try:
            found[case, scheme] = cost(case, scheme)
        except NotConvertible as error:
            found[case, scheme] = error.message
        print(f"{case!s:20} {scheme:8}", _cells(found[case, scheme]), flush=True)
    if asked.guide:
        text = asked.guide.read_text("utf-8")
        start, end = text.index(BEGIN), text.index(END) + len(END)
        asked.guide.write_text(text[:start] + table(found) + text[end:], "utf-8")


if __name__ == "__main__":
    main()
