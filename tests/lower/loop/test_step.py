"""One step of a loop: the sequences it reads, and that its ops compute the cell's step."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra.forms import apply, constant, symbol
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.forms import Forms
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.step import Outside, Step, Weights
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import random_lstm
from tests.lower.loop_cases import gru, masked
from tests.quantize.single import graph

F, U = 3, 4
RNG = np.random.default_rng(0)
X, H, C = symbol(INPUT, U), symbol(before(0), U), symbol(before(1), U)

TURN, DOUBLE = np.eye(U)[::-1], 2 * np.eye(U)[:, ::-1] + np.ones((U, U))

CELLS: dict[str, Equations] = {
    "GRU": gru(RNG, F, U),
    "reset before": gru(RNG, F, U, reset_after=False),
    "masked": masked(gru(RNG, F, U)),
    "LSTM": random_lstm(RNG, F, U, peephole=True).equations(),
    "swapped": Equations("cell", U, (U, U), (C, H), (0, 1)),
    "the same twice": Equations("cell", U, (U, U), (apply("TANH", H + X),) * 2, (0, 1)),
    "a constant": Equations("cell", U, (U,), (constant(np.ones(U)),), (0,)),
    "one product, three biases": Equations(
        "cell",
        U,
        (U,),
        (
            apply("TANH", H @ TURN + X @ DOUBLE + constant(np.full(U, 0.5)))
            + apply("SIN", H @ TURN + constant(np.arange(4.0)))
            + apply("COS", H @ TURN + constant(np.ones(U))),
        ),
        (0,),
    ),
    "shared factors": Equations(
        "cell",
        U,
        (U,),
        (apply("TANH", X) * H - H * apply("SIN", X) - apply("COS", X) * X - H * H,),
        (0,),
    ),
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
    """A GRU's three kernels by x are columns of one form, added to one product."""
    outside, made = _outside(CELLS["GRU"], hoists=True)
    assert [form.width for form in outside.forms] == [3 * U]
    assert list(outside.widths.values()) == [3 * U]
    assert outside.widths.keys() == made.products.keys()
    assert (outside.pieces, outside.narrow) == ([], False)


def test_a_step_of_a_gru_is_what_the_delegate_takes() -> None:
    """Fourteen calls of its operators: one product, one sum with the row, and no SPLIT_V."""
    cell = CELLS["GRU"]
    outside, made = _outside(cell, hoists=True)
    emit, state = Emitter("step"), Tensor("s", "FLOAT32", (OPEN, U))
    rows = [Tensor("r", "FLOAT32", (OPEN, 3 * U))]
    Step(emit, made, outside, rows, [state], weights={}).run(cell)
    assert Counter(op.code for op in emit.ops) == {
        "FULLY_CONNECTED": 1, "STRIDED_SLICE": 1, "SPLIT": 1, "LOGISTIC": 2, "TANH": 1,
        "ADD": 2, "SUB": 2, "MUL": 2,
    }  # fmt: skip


def test_parts_of_unequal_widths_are_slices() -> None:
    """The default delegate takes no SPLIT_V; two equal parts are one SPLIT."""
    emit = Emitter("forms")
    x = Tensor("x", "FLOAT32", (OPEN, 6))
    forms = Forms(emit, {})
    assert [t.shape for t in forms.split(x, [1, 2, 3])] == [(OPEN, 1), (OPEN, 2), (OPEN, 3)]
    forms.split(x, [3, 3])
    assert [op.code for op in emit.ops] == ["STRIDED_SLICE"] * 3 + ["SPLIT"]
    apart = Forms(Emitter("gpu"), {})
    assert [t.shape for t in apart.split(x, [1, 5], slices=False)] == [(OPEN, 1), (OPEN, 5)]
    assert [op.code for op in apart.emit.ops] == ["SPLIT_V"]
    parts = [t for op in emit.ops for t in op.outputs]
    for k, tensor in enumerate(parts):
        tensor.name = f"part{k}"
    runner = Runner(write_model(graph([x], parts, emit.ops)))
    given = np.arange(12, dtype=np.float32).reshape(2, 6)
    found = runner.run({"x": given})
    for k, (start, stop) in enumerate([(0, 1), (1, 3), (3, 6), (0, 3), (3, 6)]):
        np.testing.assert_array_equal(found[f"part{k}"], given[:, start:stop])


def test_a_shared_factor_is_taken_out_of_a_sum() -> None:
    """`a*b - a*c` and `a*b + a*c` are one product; not in integers, and not with a factor."""
    a, b, c = (apply(f, H) for f in ("TANH", "SIN", "COS"))
    cases = [
        (a * b - a * c, True, 1), (a * b + a * c, True, 1), (a * c - a * b - X, True, 1),
        (a * b - (a * c).scaled(np.array([2.0])), True, 3), (a * b - a * c, False, 2),
    ]  # fmt: skip
    for update, hoists, products in cases:
        cell = Equations("cell", U, (U,), (update,), (0,))
        outside, made = _outside(cell, hoists)
        emit, state = Emitter("step"), Tensor("s", "FLOAT32", (OPEN, U))
        rows = outside.compute(Emitter("rows"), Tensor("x", "FLOAT32", (OPEN, U)))
        Step(emit, made, outside, rows, [state], weights={}).run(cell)
        assert [op.code for op in emit.ops].count("MUL") == products


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
