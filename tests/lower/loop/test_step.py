"""One step of a loop: the sequences it reads, and that its ops compute the cell's step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra.forms import apply, constant, symbol
from rnnlite_pipeline.cells.equations import Equations
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.step import Outside, Step, Weights
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import random_lstm
from tests.lower.loop_cases import gru, masked
from tests.quantize.single import graph

F, U = 3, 4
RNG = np.random.default_rng(0)
X, H, C = symbol(INPUT, U), symbol(before(0), U), symbol(before(1), U)

CELLS: dict[str, Equations] = {
    "GRU": gru(RNG, F, U),
    "reset before": gru(RNG, F, U, reset_after=False),
    "masked": masked(gru(RNG, F, U)),
    "LSTM": random_lstm(RNG, F, U, peephole=True).equations(),
    "swapped": Equations("cell", U, (U, U), (C, H), (0, 1)),
    "the same twice": Equations("cell", U, (U, U), (apply("TANH", H + X),) * 2, (0, 1)),
    "a constant": Equations("cell", U, (U,), (constant(np.ones(U)),), (0,)),
    "one reads the other": Equations(
        "cell", U, (U, U), (apply("TANH", symbol(after(1), U)), C + X), (1, 0)
    ),
}


def _outside(cell: Equations, hoists: bool) -> tuple[Outside, Any]:
    made = plan(cell, hoists)
    return Outside(made), made


@pytest.mark.parametrize("hoists", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_the_ops_of_a_step_compute_it(name: str, hoists: bool) -> None:
    """For every batch, from the sequences over one step; each state is an output of its own."""
    cell = CELLS[name]
    emit = Emitter("step")
    outside, made = _outside(cell, hoists)
    x = Tensor("x", "FLOAT32", (OPEN, cell.features))
    states = [Tensor(f"s{k}", "FLOAT32", (OPEN, w)) for k, w in enumerate(cell.states)]
    rows = outside.compute(emit, x)
    new = Step(emit, made, outside, rows, states, weights={}).run(cell)
    assert len(set(new)) == len(new)
    unchanged = [k for k, tensor in enumerate(new) if tensor is states[k]]
    outputs = [emit.unary("ABS", t) if k in unchanged else t for k, t in enumerate(new)]
    for k, tensor in enumerate(outputs):
        tensor.name = f"new{k}"
    runner = Runner(write_model(graph([x, *states], outputs, emit.ops)))
    for batch in (1, 3):
        given = [
            RNG.normal(size=(batch, w)).astype(np.float32) for w in (cell.features, *cell.states)
        ]
        names = ("x", *(f"s{k}" for k in range(len(states))))
        found = runner.run(dict(zip(names, given, strict=True)))
        first, *before_step = (each.astype(float) for each in given)
        for k, want in enumerate(cell.step(first, before_step)):
            np.testing.assert_allclose(found[f"new{k}"], want, atol=1e-5)


def test_what_is_hoisted_is_one_product_over_the_sequence() -> None:
    """A GRU's three kernels by x are columns of one form, the loose one last."""
    outside, made = _outside(CELLS["GRU"], hoists=True)
    assert [form.width for form in outside.forms] == [3 * U]
    assert list(outside.widths.values()) == [2 * U, U]
    assert next(iter(outside.widths)) in made.products
    assert (outside.pieces, outside.narrow) == ([], False)


def test_a_narrow_step_reads_the_columns_of_x() -> None:
    """The features and the mask are sequences of their own, and nothing is multiplied before."""
    outside, _ = _outside(CELLS["masked"], hoists=False)
    assert outside.narrow
    emit = Emitter("test")
    rows = outside.compute(emit, Tensor("x", "FLOAT32", (OPEN, CELLS["masked"].features)))
    assert "FULLY_CONNECTED" not in [op.code for op in emit.ops]
    assert {t.dtype for t in rows} == {"FLOAT32"}  # TFLM gathers no BOOL
    assert sum((t.shape or ())[-1] for t in rows) >= F


def test_nothing_of_x_is_no_sequence() -> None:
    """A cell that does not read x carries none."""
    outside, _ = _outside(CELLS["swapped"], hoists=True)
    assert (outside.forms, outside.widths) == ([], {})
    assert outside.compute(Emitter("test"), Tensor("x", "FLOAT32", (OPEN, U))) == []


def test_steps_share_constants_of_the_same_numbers() -> None:
    """By what they hold and by their shape; None stays None."""
    weights: Weights = {}
    cell = CELLS["GRU"]
    outside, made = _outside(cell, hoists=True)
    states = [Tensor("s", "FLOAT32", (OPEN, U))]
    rows = [Tensor("r", "FLOAT32", (OPEN, 3 * U))]
    one, two = (Step(Emitter("s"), made, outside, rows, states, weights=weights) for _ in range(2))
    value = np.arange(4.0)
    first = one.weight("kernel", value)
    assert two.weight("bias", value.astype(np.float32)) is first
    assert two.weight("kernel", value.reshape(2, 2)) is not first
    assert two.weight("kernel", value + 1) is not first
    assert one.weight("kernel", None) is None
