"""Steps of one layer that are recurrences of one step each become one recurrence, or stay."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.resolve import chain_steps
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.strategies import lstm, simple_rnn

STEPS, BATCH, FEATURES, UNITS = 4, 2, 3, 3


def step(build: Builder, name: str, cell: Cell, row: Tensor, states: Any) -> list[Tensor]:
    """A recurrence over one row; gives its final states."""
    time_major = name.endswith("0")
    x = build.expand_dims(row, 0 if time_major else 1)
    y = build.tensor("y", "FLOAT32", (1, BATCH, UNITS) if time_major else (BATCH, 1, UNITS))
    finals = [build.tensor("final", "FLOAT32", (BATCH, w)) for w in cell.states]
    options = {"recurrence": Recurrence(name, cell, time_major=time_major)}
    build.ops.append(Op(RECURRENCE, [x, *states], [y, *finals], options))
    return finals


def model_of(cells: list[list[Cell]], kind: str = "") -> Model:
    """Layers of steps written out over x [B, T, F], the cells given by layer and step."""
    build = Builder("test")
    x = Tensor("x", "FLOAT32", (BATCH, STEPS, FEATURES))
    rows = [build.tensor(f"x{k}", "FLOAT32", (BATCH, FEATURES)) for k in range(STEPS)]
    build.ops.append(make_op("UNPACK", [x], rows, num=STEPS, axis=1))
    rows = rows[::-1] if kind == "reversed" else rows
    others = []
    for number, layer in enumerate(cells):
        states: list[Tensor | None] = [None] * len(layer[0].states)
        for k, cell in enumerate(layer):
            if kind == "decoder" and states[0] is not None:
                rows[k] = build.binary("ADD", rows[k], states[0])
            finals = step(build, f"layer{number}_{k}", cell, rows[k], states)
            rows[k], states = finals[0], [*finals]
            others += finals[1:] if kind == "cell read" and k == 1 else []
        others += finals[1:] if kind != "cell read" else []
    y = Tensor("y", "FLOAT32", (BATCH, STEPS, UNITS))
    build.ops.append(make_op("PACK", rows, [y], values_count=STEPS, axis=1))
    outputs = {"y": y, **{f"c{k}": t for k, t in enumerate(others)}}
    main = Subgraph("main", [x], [*outputs.values()], build.ops)
    return Model([main], [Signature("main", main, {"x": x}, outputs)])


def check_same(before: Model, after: Model) -> None:
    """Both compute the same, lowered."""
    x = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype(np.float32)
    outcomes = []
    for model in (before, after):
        lower(model)
        prune(model)
        outcomes.append(Runner(write_model(model)).run({"x": x}))
    assert outcomes[0].keys() == outcomes[1].keys()
    for name, wanted in outcomes[0].items():
        np.testing.assert_allclose(outcomes[1][name], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["", "reversed"])
@pytest.mark.parametrize("make", [lstm, simple_rnn])
def test_steps_of_equal_cells_are_one_layer(make: Any, kind: str) -> None:
    """Each of two stacked layers is one recurrence over the sequence, packed nowhere."""
    model = model_of([[make(seed, features=3) for _ in range(STEPS)] for seed in (1, 2)], kind)
    before = copy.deepcopy(model)
    absorbed = {f"layer{n}_{k}" for n in (0, 1) for k in range(1, STEPS)}
    assert chain_steps(model) == absorbed
    codes = [op.code for op in model.ops()]
    assert codes.count(RECURRENCE) == 2
    assert not {"PACK", "UNPACK"} & set(codes)
    check_same(before, model)


@pytest.mark.parametrize("kind", ["decoder", "cell read", "other weights"])
def test_steps_that_are_no_layer_stay(kind: str) -> None:
    """A step that reads what the one before put out, a cell state read between, other weights."""
    seeds = range(STEPS) if kind == "other weights" else [1] * STEPS
    model = model_of([[lstm(seed, features=3) for seed in seeds]], kind)
    before = copy.deepcopy(model)
    chain_steps(model)
    count = sum(op.code == RECURRENCE for op in model.ops())
    assert count == (STEPS if kind != "cell read" else 2)
    check_same(before, model)
