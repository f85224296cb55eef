"""Holds `recurrent.lowering: fastest` to what it says: no other form takes less time.

    python -m benchmarks.fastest [--case TEXT]... [--scheme SCHEME]... [--stock]
                                 [--json F [--resume]]

Each case of the peers' grid is lowered by `fastest`, which measures and chooses, and then in every
form that the tool has. All run in one process, in turns; a form that is the same file as what was
chosen is not timed again. A form is told as `faster` where all of the interval of the median of the
rounds' ratios lies below `TOLERANCE`: then the exit status is 1. Steps written out stand beside
them as far as `fastest` looks at them (lower/choice.py, SHORT). One thread, batch 1.

With `--stock`, TensorFlow's converter stands beside them, in float (needs TensorFlow).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.cases import LONG, Case, grid
from benchmarks.peers.ours import Asked, chosen, lowered, pseudo, stock
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.lower.choice import SHORT, packed
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.lower.loop.turns import CACHE
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import Ratio, ratio, timed
from rnnlite_pipeline.tasks.plan import toolchain

#: What part of the time of the form that was chosen another form has to take to be called faster.
#: `fastest` takes a form that makes a larger file only for 5 % (lower/choice.py, ADVANTAGE), and
#: what it measured, it measured in other rounds.
TOLERANCE = 0.93

SCHEMES = ("none", "dynamic_range")


@dataclass(frozen=True)
class Judged:
    """What `fastest` took for a case, and the other forms beside it.

    Attributes:
        took: The forms of the layers, in order.
        others: Each other form's time as parts of that of what was taken.
    """

    took: tuple[str, ...]
    others: Mapping[str, Ratio]

    @property
    def faster(self) -> list[str]:
        """The forms that are faster."""
        return [form for form, each in self.others.items() if each.high < TOLERANCE]

    def __str__(self) -> str:
        found = [f"{form} {each}" for form, each in self.others.items()]
        told = f"{' and '.join(dict.fromkeys(self.took))}; others: {', '.join(found) or 'none'}"
        return f"{told}; FASTER: {', '.join(self.faster)}" if self.faster else told


def forms(case: Case) -> Iterator[Asked]:
    """The forms that there are of a case, but for `fastest`."""
    cell = case.stack()[0][0]
    yield "auto"
    if not why_not_fused(Recurrence("layer", cell, time_major=False)):
        yield "fused"
    yield "loop"
    if case.both:
        yield from ("joined", "apart")
    if 1 < case.steps <= SHORT:
        yield "unrolled"


def judged(case: Case, scheme: str, *, beside_stock: bool = False) -> Judged:
    """Measures a case.

    Args:
        case: The model.
        scheme: "none" or "dynamic_range".
        beside_stock: Whether what TensorFlow's converter makes of it is measured as well.
    """
    stack, int8 = case.stack(), scheme == "dynamic_range"
    took, best = chosen(case, stack, int8=int8)
    contents = {best: "fastest"}
    for form in forms(case):
        if form == "unrolled" and _packs(case, 1 if int8 else 4) > CACHE:
            continue
        contents.setdefault(lowered(case, stack, form, int8=int8), form)
    if beside_stock and not int8 and case != LONG:
        contents[stock(case, stack, 1)] = "stock"
    runners = {form: Runner(content, "default") for content, form in contents.items()}
    for runner in runners.values():
        runner.run(dict.fromkeys(runner.inputs, case.x(1)))
    rounds = timed({form: each.invoke for form, each in runners.items()}, time.thread_time)
    own = rounds.pop("fastest")
    return Judged(took, {form: ratio(times, own) for form, times in rounds.items()})


def _packs(case: Case, weight_bytes: int) -> int:
    """The bytes that the delegate packs for the case's steps if they are written out."""
    ops = pseudo(case, case.stack()).main.ops
    return sum(packed(op, weight_bytes) for op in ops if op.code in (RECURRENCE, BIDIRECTIONAL))


def main() -> int:
    """Prints a line for each case; the status says whether `fastest` was right in all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--case", action="append", default=[], help="part of a case's name")
    parser.add_argument("--scheme", action="append", choices=SCHEMES)
    parser.add_argument("--stock", action="store_true", help="beside the stock conversion")
    parser.add_argument("--json", type=Path, help="writes what was found, after each case")
    parser.add_argument("--resume", action="store_true", help="keeps what the file of --json has")
    asked = parser.parse_args()
    about = {"ai-edge-litert": version("ai-edge-litert"), "code": toolchain()["code"]}
    record: dict[str, Any] = {"machine": machine(), **about}
    found: dict[str, Any] = {}
    if asked.resume and asked.json and asked.json.exists():
        before = json.loads(asked.json.read_text(encoding="utf-8"))
        if other := [key for key, value in record.items() if before.get(key) != value]:
            sys.exit(f"{asked.json} was measured with other {', '.join(other)}: remove it")
        found = before["cases"]
    for case in grid():
        if asked.case and not any(text in str(case) for text in asked.case):
            continue
        for scheme in asked.scheme or SCHEMES:
            name = f"{case}, {scheme}"
            if name in found:
                continue
            each = judged(case, scheme, beside_stock=asked.stock)
            print(f"{name}: {each}", flush=True)
            others = {f: [round(v, 3) for v in (r.median, r.low, r.high)]
                      for f, r in each.others.items()}  # fmt: skip
            found[name] = {"took": each.took, "others": others, "faster": each.faster}
            if asked.json:
                text = json.dumps({**record, "cases": found}, indent=1) + "\n"
                write_atomically(asked.json, text.encode())
    return int(any(each["faster"] for each in found.values()))


if __name__ == "__main__":
    sys.exit(main())
