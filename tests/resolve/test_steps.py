"""One step of a cell, written out in ops."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.cells.cell import Cell, Equations
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.resolve.steps import written_out
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.strategies import lstm, simple_rnn

H, X = forms.symbol(before(0), 2), forms.symbol(INPUT, 2)
TANH = forms.apply("TANH", X + H)

CELLS: list[Cell] = [
    lstm(0, units=3, features=2),
    simple_rnn(0, features=2),
    Equations("copy", 2, (2, 2), (TANH, forms.symbol(after(0), 2)), (0, 1)),
    Equations("input", 2, (2, 2), (TANH, X), (0, 1)),
    Equations("twice", 2, (2, 2), (TANH, TANH), (0, 1)),
]


def step(cell: Cell, *, time_major: bool = True) -> tuple[list[Op], Tensor, list[Tensor]]:
    """A recurrence over a row that was made a sequence of one step: its ops, x, and all states."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (2, 2))
    given = [Tensor(f"old{k}", "FLOAT32", (2, w)) for k, w in enumerate(cell.states)]
    sequence = build.expand_dims(x, 0 if time_major else 1)
    shape = (1, 2, cell.states[0]) if time_major else (2, 1, cell.states[0])
    y = Tensor("y", "FLOAT32", shape)
    finals = [Tensor(f"new{k}", "FLOAT32", (2, w)) for k, w in enumerate(cell.states)]
    options = {"recurrence": Recurrence("layer", cell, time_major=time_major)}
    build.ops.append(Op(RECURRENCE, [sequence, *given], [y, *finals], options))
    return build.ops, x, [*given, y, *finals]


@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.kind)
def test_the_ops_compute_the_step(cell: Cell, time_major: bool) -> None:
    """Whatever a state becomes, the input itself or another state's value too."""
    ops, x, tensors = step(cell, time_major=time_major)
    count = len(cell.states)
    inputs, outputs = [x, *tensors[:count]], tensors[count:]
    main = Subgraph("main", inputs, outputs, written_out(ops))
    assert RECURRENCE not in [op.code for op in main.ops]
    named = {t.name: t for t in inputs}, {t.name: t for t in outputs}
    model = Model([main], [Signature("main", main, *named)])
    random = np.random.default_rng(0)
    arrays = {t.name: random.normal(size=t.shape).astype(np.float32) for t in inputs}
    results = Runner(write_model(model)).run(arrays)
    news = cell.step(arrays["x"], [arrays[f"old{k}"] for k in range(count)])
    for k, new in enumerate(news):
        np.testing.assert_allclose(results[f"new{k}"], new, atol=1e-6)
    y = np.expand_dims(news[0], 0 if time_major else 1)
    np.testing.assert_allclose(results["y"], y, atol=1e-6)


def test_a_recurrence_over_a_sequence_stays() -> None:
    """It is no step of a loop around it."""
    ops, _, _ = step(simple_rnn(0, features=2))
    assert written_out(ops[1:]) == ops[1:]
