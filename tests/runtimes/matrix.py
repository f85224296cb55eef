"""Every cell on every target: the form it gets there, and why not where there is none.

`python -m tests.runtimes.matrix` prints the table of docs/guides/targets.md.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Signature
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.by_targets import has_op
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes import RUNTIMES, Verdict
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked
from tests.runtimes.models import in_integers

#: F features, U units, T steps.
FEATURES, UNITS, STEPS = 6, 16, 5


def _cells() -> dict[str, tuple[Cell, ...]]:
    def rng() -> np.random.Generator:
        return np.random.default_rng(5)

    def lstm(**attributes: Any) -> Cell:
        return random_lstm(rng(), FEATURES, UNITS, **attributes)

    return {
        "LSTM": (lstm(),),
        "LSTM, peepholes": (lstm(peephole=True),),
        "LSTM, projection": (lstm(outputs=8),),
        "LSTM, layer norm": (lstm(layer_norm=True),),
        "LSTM, coupled gates": (lstm(coupled=True),),
        "LSTM, hard sigmoid": (hard_lstm(rng(), FEATURES, UNITS),),
        "LSTM, both directions": (lstm(), random_lstm(np.random.default_rng(6), FEATURES, UNITS)),
        "LSTM, masked": (masked(lstm()),),
        "GRU": (gru(rng(), FEATURES, UNITS),),
        "GRU, reset before": (gru(rng(), FEATURES, UNITS, reset_after=False),),
        "GRU, masked": (masked(gru(rng(), FEATURES, UNITS)),),
        "SimpleRNN": (random_rnn(rng(), FEATURES, UNITS),),
    }


CELLS = _cells()

#: Targets that compute in integers alone.
INTEGERS = ("ethos-u55", "ethos-u65", "ethos-u85", "edgetpu")

#: What the forms are called in the table.
_CALLED = {"fused": "fused", "loop": "loop", "joined": "loop", "unrolled": "steps"}


@dataclass(frozen=True)
class Entry:
    """A cell on a target.

    Attributes:
        forms: What the recurrences became, each form once: fused, loop, joined, unrolled; empty
            where no form is taken.
        verdict: What the target's table says of the model; None where there is no model.
        why: Why no form is taken.
        model: The model in its last form.
        case: What it computes.
    """

    forms: tuple[str, ...]
    verdict: Verdict | None = None
    why: str = ""
    model: Model | None = field(default=None, repr=False)
    case: Case | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.verdict is None:
            return f"no: {self.why}"
        forms = " and ".join(dict.fromkeys(_CALLED[form] for form in self.forms))
        if self.verdict.takes:
            return forms
        ops = sorted({each.op for each in self.verdict.refusals})
        return f"{forms}, without {', '.join(ops)}"


@functools.cache
def entry(name: str, target: str) -> Entry:
    """One entry: batch 1, `STEPS` steps, float32; int8 throughout on what takes integers alone."""
    integers = target in INTEGERS
    case = Case(
        CELLS[name],
        open_batch=False,
        open_steps=False,
        batch=1,
        steps=STEPS,
        time_major=False,
        outputs="y",
    )
    model, has = case.model(), has_op((target,))
    if len(CELLS[name]) == 2 and (integers or not has("BIDIRECTIONAL_SEQUENCE_LSTM")):
        _split(model)
    try:
        lowered = lower(model, "auto", integers, (target,), "INT8" if integers else "FLOAT32")
    except NotConvertible as error:
        return Entry((), why=error.message)
    main = model.main
    ports = ({t.name: t for t in side} for side in (main.inputs, main.outputs))
    model.signatures = [Signature("main", main, *ports)]
    if integers:
        model = in_integers(model, "int8", "int8")
    unroll(model, every=not has("WHILE"), has=has)
    forms = tuple(dict.fromkeys(each.form for each in lowered))
    return Entry(forms, RUNTIMES[target].judge(model), model=model, case=case)


def _split(model: Model) -> None:
    """A pair as two recurrences, as `bidirectional: split` has it."""
    from rnnlite_pipeline.cells.recurrence import RECURRENCE
    from rnnlite_pipeline.graph.ir import Op

    (op,) = model.main.ops
    count, ops = len(op.outputs) // 2, []
    for k, recurrence in enumerate(op.options.values()):
        outputs = op.outputs[k * count : (k + 1) * count]
        ops.append(Op(RECURRENCE, [op.inputs[0]], outputs, {"recurrence": recurrence}))
    model.main.ops = ops


def as_markdown() -> str:
    """The table: a row a cell, a column a target."""
    lines = [
        f"| cell | {' | '.join(RUNTIMES)} |",
        f"| --- |{' --- |' * len(RUNTIMES)}",
    ]
    for name in CELLS:
        entries = (str(entry(name, target)) for target in RUNTIMES)
        lines.append(f"| {name} | {' | '.join(entries)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # what is said of the calibration is no table
        table = as_markdown()
    sys.stdout.write(table)
