"""The range of every value on the calibration data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare.batch_axis import Axes
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.variables import State, add
from rnnlite_pipeline.quantize.numbers import steady
from rnnlite_pipeline.quantize.ranges import Ranges, measure
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import Array, model_of
from tests.quantize.single import graph, number, single


def _feed(**arrays: Any) -> dict[str, Array]:
    return {name: np.asarray(value, np.float32) for name, value in arrays.items()}


def test_a_range_holds_0_and_grows() -> None:
    """It takes in what is seen, batch after batch, and nothing of an empty array."""
    ranges, x = Ranges(), Tensor("x", "FLOAT32", (OPEN,))
    ranges.see(x, np.array([2, 3], np.float32))
    assert ranges.tensors[x] == (0, 3)
    ranges.see(x, np.array([-1], np.float32))
    ranges.see(x, np.array([], np.float32))
    assert ranges.tensors[x] == (-1, 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_leaves_an_infinite_end(value: float) -> None:
    """NaN too, whatever came before; no number is made of it later, and the rest has its range."""
    ranges, x, y = Ranges(), *(Tensor(n, "FLOAT32", (2,)) for n in "xy")
    ranges.see(x, np.array([value, 1.0], np.float32))
    ranges.see(x, np.array([2.0, 2.0], np.float32))
    ranges.see(y, np.array([2.0, 2.0], np.float32))
    found = ranges.steady().tensors
    assert not all(map(math.isfinite, found[x]))
    assert found[y] == (0, 2)


def _sum() -> Model:
    """y = tanh(x) + 1, x [2, B]: the batch is the second axis."""
    build, x = Builder("sum"), Tensor("x", "FLOAT32", (2, OPEN))
    y = build.binary("ADD", build.unary("TANH", x), number(1.0))
    return graph([x], [y], build.ops)


def test_every_value_of_the_graph_is_measured() -> None:
    """What is fed and what is computed; the samples are counted along the batch's axis."""
    model, axes = _sum(), Axes({"x": 1})
    feeds = [_feed(x=np.full((rows, 2), size)) for rows, size in ((3, 2.0), (1, -4.0))]
    ranges = measure(model, iter(feeds), axes=axes)
    tanh, add = (op.outputs[0] for op in model.main.ops)
    assert ranges.samples == 4
    assert ranges.tensors[model.main.inputs[0]] == (-4, 2)
    wanted = (steady(float(np.tanh(-4.0))), steady(float(np.tanh(2.0))))
    assert ranges.tensors[tanh] == pytest.approx(wanted, rel=1e-3)
    assert ranges.tensors[add][1] == pytest.approx(1 + np.tanh(2.0), rel=1e-3)


def test_without_a_batch_there_is_nothing() -> None:
    """No range of any value; no error either: who needs one says so."""
    ranges = measure(_sum(), iter([]))
    assert (ranges.tensors, ranges.cells, ranges.samples) == ({}, {}, 0)


def test_an_input_of_rank_0_is_one_sample() -> None:
    """It has no batch to count."""
    model = single("TANH", [()], [()])
    assert measure(model, iter([_feed(x0=1.0), _feed(x0=2.0)])).samples == 2


def _counter() -> tuple[Model, list[State]]:
    """y = x + the number of the call, which a state of whole numbers counts."""
    build, before = Builder("count"), Tensor("before", "INT32", (1,))
    x = Tensor("x", "FLOAT32", (OPEN,))
    after = build.binary("ADD", before, build.indices([1]))
    real = build.op("CAST", [after], "FLOAT32", (1,))
    model = graph([x], [], build.ops)
    y = build.binary("ADD", x, real)
    model.main.ops, model.main.outputs = build.ops, [y]
    model.signatures[0].outputs["y"] = y
    state = State("count", np.zeros(1, np.int32))
    add(model, state, before, after)
    return model, [state]


def test_a_state_of_whole_numbers_goes_on_from_call_to_call() -> None:
    """Ranges are those of a long sequence; it has none itself."""
    model, states = _counter()
    ranges = measure(model, iter([_feed(x=[0.0])] * 5), states)
    y = model.signatures[0].outputs["y"]
    assert ranges.tensors[y] == (0, 5)
    assert all(t.dtype == "FLOAT32" for t in ranges.tensors)


def _constant_lstm() -> Model:
    """An LSTM over a constant sequence, from an initial state that is fed."""
    cell = random_lstm(np.random.default_rng(0), 3, 4)
    closed: Mapping[str, Any] = {"open_batch": False, "open_steps": False, "batch": 2, "steps": 5}
    model = model_of(Case((cell,), outputs="y", initial=("input", "input"), **closed))
    x = model.main.inputs.pop(0)
    del model.signatures[0].inputs["x"]
    given = Tensor.constant("x", np.random.default_rng(1).normal(size=x.shape).astype(np.float32))
    for op in model.main.ops:
        op.inputs = [given if t is x else t for t in op.inputs]
    return model


def test_an_lstm_over_a_constant_sequence_is_measured() -> None:
    """As a decoder has it: what it keeps to itself has ranges."""
    model = _constant_lstm()
    start = np.ones((2, 4), np.float32)
    ranges = measure(model, iter([_feed(initial0=start, initial1=3 * start)]))
    (seen,) = ranges.cells.values()
    assert seen.cell >= 3


def test_the_output_of_an_lstm_has_the_range_of_its_first_state_too() -> None:
    """The state is in the output's scale: one that no output reaches would be cut off."""
    model = _constant_lstm()
    start = np.full((2, 4), 9.0, np.float32)
    ranges = measure(model, iter([_feed(initial0=start, initial1=start)]))
    (op,) = ranges.cells
    assert ranges.tensors[op.outputs[0]][1] == 9


def test_states_of_fused_ops_are_not_values() -> None:
    """A variable has no range of its own."""
    x, state = Tensor("x", "FLOAT32", (2,)), Tensor("s", "FLOAT32", (2,), is_variable=True)
    y = Tensor("y", "FLOAT32", (2,))
    model = graph([x], [y], [make_op("NEG", [x], [state]), make_op("NEG", [x], [y])])
    assert set(measure(model, iter([_feed(x=[1.0, 2.0])])).tensors) == {x, y}
