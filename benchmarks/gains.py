"""What each form and scheme of a recurrence takes on LiteRT's CPU kernels, beside a float loop.

    python -m benchmarks.gains [--json rnnlite_pipeline/lower/times.json] [--case TEXT]...

One thread, default delegate, batch 1. The models of a line are timed in turns, in one process, by
the clock of the thread; a figure is the median of the rounds' ratios to the loop in float. What
`convert`, `inspect` and the report say of other forms comes from the file that `--json` writes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.cases import KINDS, Case
from benchmarks.peers.ours import pseudo
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fused import why_not_fused, why_not_integer
from rnnlite_pipeline.lower.times import FORMS, SCHEMES, Work
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.narrow_sums import narrow_sums
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import timed

#: F of the input, by units.
FEATURES = {32: 40, 64: 40, 128: 40, 256: 128, 512: 256}

#: T of each kind of work.
STEPS: dict[Work, int] = {"sequence": 100, "last": 100, "step": 1}

#: Samples that ranges are measured on.
SAMPLES = 20


def cases() -> Iterator[tuple[Work, Case]]:
    """Every line of the table."""
    for kind in KINDS:
        for units, features in FEATURES.items():
            for work, steps in STEPS.items():
                yield work, Case(kind, steps, features, units, last=work == "last")


def models(case: Case) -> dict[str, bytes]:
    """The case in every form and scheme that there is of it, `FORM, SCHEME`."""
    return {
        f"{form}, {scheme}": content
        for form in FORMS
        for scheme in SCHEMES
        if (content := _model(case, form, scheme)) is not None
    }


def _model(case: Case, form: Any, scheme: str) -> bytes | None:
    model = pseudo(case, case.stack())
    (op,) = model.main.ops
    (recurrence,) = op.options.values()
    integers = scheme == "int8"
    if form == "fused" and (
        why_not_fused(recurrence)
        or (integers and why_not_integer(op, set(model.main.outputs), lambda _: None))
    ):
        return None
    lower(model, form, integers, weight_bytes=4 if scheme == "none" else 1)
    if scheme == "dynamic_range":
        dynamic_range(model, Skip())
    elif integers:
        model = in_integers(model, case)
    unroll(model, every=False, packs=True)
    return write_model(model)


def in_integers(model: Model, case: Case) -> Model:
    """A lowered case in int8, for the kernels of LiteRT; its ranges are those of random walks."""
    rng = np.random.default_rng(0)
    batch = (model.main.inputs[0].shape or ())[0]
    rows = SAMPLES if batch == OPEN else batch
    shape = (SAMPLES // rows, rows, case.steps, case.features)
    data = np.cumsum(rng.normal(0, 0.3, shape), 2).astype(np.float32)
    rewrite(model, "int8", measure(model, ({"x": x} for x in data)), Skip())
    model = read_model(write_model(model))
    narrow_sums(model, ["litert"])
    return model


def ratios(case: Case) -> dict[str, float]:
    """The time of each form and scheme as a part of that of the loop in float."""
    calls = {}
    for name, content in models(case).items():
        runner = Runner(content, "default", threads=1)
        calls[name] = partial(runner.run, {"x": case.x(1)})
        calls[name]()
    rounds = timed(calls, time.thread_time)
    return {
        name: round(statistics.median(t / f for t, f in zip(times, rounds[LOOP], strict=True)), 2)
        for name, times in rounds.items()
    }


#: What all others are compared with.
LOOP = "loop, none"


def main() -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", type=Path, help="where the table is written")
    parser.add_argument("--case", action="append", default=[], help="part of a case's name")
    asked = parser.parse_args()
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for work, case in cases():
        if asked.case and not any(text in str(case) for text in asked.case):
            continue
        times = ratios(case)
        found.setdefault(case.kind, {}).setdefault(work, {})[str(case.units)] = times
        cells = [f"{name} {ratio:.2f}" for name, ratio in times.items()]
        print(f"{case!s:32} {work:8} {'; '.join(cells)}", flush=True)
    if asked.json:
        measured = {**machine(), "ai-edge-litert": version("ai-edge-litert"), "threads": 1}
        content = {"measured": measured, "features": FEATURES, "steps": STEPS, "times": found}
        asked.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
