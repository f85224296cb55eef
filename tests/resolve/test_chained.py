"""Steps of one layer that are recurrences of one step each become one recurrence, or stay."""

from __future__ import annotations

import copy
from dataclasses import replace
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


def rows(count: int, **how: Any) -> tuple[Builder, Model]:
    """Steps of one cell, each over an input of its own, with what is asked for.

    Args:
        count: How many.
        how: `axis` of the new axis; `shape` of a row; `reads`, whether the cell state between two
            steps is an output.
    """
    build, cell, outputs = Builder("test"), lstm(1, features=3), {}
    shape = how.get("shape", (BATCH, FEATURES))
    inputs = {f"x{k}": Tensor(f"x{k}", "FLOAT32", shape) for k in range(count)}
    states: list[Tensor | None] = [None, None]
    for k, row in enumerate(inputs.values()):
        x = build.expand_dims(row, 0)
        build.ops[-1].inputs[1] = build.indices(how.get("axis", 0))
        y = build.tensor("y", "FLOAT32", (1, BATCH, UNITS))
        finals = [build.tensor("final", "FLOAT32", (BATCH, w)) for w in cell.states]
        options = {"recurrence": Recurrence(f"step{k}", cell)}
        build.ops.append(Op(RECURRENCE, [x, *states], [y, *finals], options))
        states = [*finals]
        if how.get("reads") and k == 0:
            outputs["c0"] = finals[1]
        outputs[f"y{k}"] = y
    outputs |= {"h": finals[0], "c": finals[1]}
    main = Subgraph("main", [*inputs.values()], [*outputs.values()], build.ops)
    return build, Model([main], [Signature("main", main, inputs, outputs)])


def count(model: Model) -> int:
    """The recurrences of a model."""
    return sum(op.code == RECURRENCE for op in model.ops())


@pytest.mark.parametrize(("axis", "chained"), [(0, True), (-3, True), (1, False), (-1, False)])
def test_a_row_becomes_a_sequence_along_its_time(axis: int, chained: bool) -> None:
    """Counted from the end as well; along another axis it is no sequence of one step."""
    _, model = rows(3, axis=axis)
    assert chain_steps(model) == ({"step1", "step2"} if chained else set())
    assert count(model) == (1 if chained else 3)


def test_every_result_of_a_step_goes_on() -> None:
    """The outputs of each step and the final states are what they were."""
    _, model = rows(3)
    before, names = copy.deepcopy(model), set(model.signatures[0].outputs)
    assert chain_steps(model)
    assert set(model.signatures[0].outputs) == names
    rng = np.random.default_rng(0)
    feeds = {f"x{k}": rng.normal(size=(BATCH, FEATURES)).astype(np.float32) for k in range(3)}
    found = []
    for each in (before, model):
        lower(each)
        prune(each)
        found.append(Runner(write_model(each)).run(feeds))
    for name, wanted in found[0].items():
        np.testing.assert_allclose(found[1][name], wanted, rtol=0, atol=1e-6)


def test_a_cell_state_that_is_an_output_ends_the_chain() -> None:
    """The steps behind it are a chain of their own."""
    _, model = rows(3, reads=True)
    assert chain_steps(model) == {"step2"}
    assert count(model) == 2


@pytest.mark.parametrize("steps", [0, 1])
def test_one_step_is_no_chain(steps: int) -> None:
    """It stays as it is, and so does a model without any."""
    model = rows(steps)[1] if steps else Model([Subgraph("main")])
    assert chain_steps(model) == set()
    assert count(model) == steps


def test_two_followers_are_no_layer() -> None:
    """Two steps that go on from the same states are both left."""
    build, model = rows(2)
    last = build.ops[-1]
    others = [build.tensor("other", t.dtype, t.shape or ()) for t in last.outputs]
    options = {"recurrence": replace(last.options["recurrence"], name="other")}
    build.ops.append(Op(RECURRENCE, list(last.inputs), others, options))
    model.main.outputs += others
    assert chain_steps(model) == set()


def test_cells_of_other_kinds_are_no_layer() -> None:
    """A step of another cell type, or of another activation, is another layer."""
    for other in (lstm(1, features=3, activation="RELU"), lstm(1, features=3, cell_clip=1.0)):
        build, model = rows(2)
        op = build.ops[-1]
        op.options["recurrence"] = replace(op.options["recurrence"], cell=other)
        assert chain_steps(model) == set()
