"""What integers and int8 weights make of a recurrence's time on LiteRT's CPU kernels.

    PYTHONPATH=. python benchmarks/integers.py

One thread, default delegate, batch 1, 50 steps of 40 features, the whole sequence returned. The
three models of a line are timed in turns, in one process, by the clock of the thread; a figure is
the median of the rounds' ratios to the float model. `quantize/worth.py` holds the table.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from benchmarks.loop import gru, lstm

from benchmarks.quantize import graph_of, ours, samples
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.timing import timed
from rnnlite_pipeline.quantize.narrow_sums import narrow_sums
from rnnlite_pipeline.runtimes.interpreter import Runner

STEPS, FEATURES = 50, 40
UNITS = (32, 64, 128, 256, 512)
CELLS: dict[str, Callable[[int, int], Cell]] = {"WHILE (GRU)": gru, "fused (LSTM)": lstm}


def ratios(cell: Cell) -> dict[str, float]:
    """The time of each scheme as a part of that in float."""
    data = samples(STEPS, cell.features, 20, 0)
    floats = graph_of([cell], STEPS)
    integers = read_model(ours(graph_of([cell], STEPS, "int8"), "int8", data))
    narrow_sums(integers, ["litert"])
    models = {
        "float": write_model(floats),
        "dynamic_range": ours(floats, "dynamic_range", data),
        "int8": write_model(integers),
    }
    calls = {}
    for name, content in models.items():
        runner = Runner(content, "default", threads=1)
        calls[name] = partial(runner.run, {"x": data[:1]})
        calls[name]()
    rounds = timed(calls, time.thread_time)
    return {
        name: statistics.median(t / f for t, f in zip(times, rounds["float"], strict=True))
        for name, times in rounds.items()
    }


def main() -> None:
    """Prints the table."""
    for name, cell in CELLS.items():
        for units in UNITS:
            found = ratios(cell(FEATURES, units))
            cells = [f"{scheme} {ratio:.2f}" for scheme, ratio in found.items()]
            print(f"{name:12} {units:4}  {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
