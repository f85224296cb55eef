"""Sizes are measured at the graph's inputs, where no delegate can have an old one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.measure_at_inputs import measure_at_inputs
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.strategies import lstm


def model_of(build: Builder, inputs: list[Tensor], outputs: list[Tensor]) -> Model:
    """A model of the builder's ops with a signature."""
    main = Subgraph("main", inputs, outputs, build.ops)
    names = {t.name: t for t in inputs}
    results = {f"output_{k}": t for k, t in enumerate(outputs)}
    return Model([main], [Signature("serving_default", main, names, results)])


def recurrence(build: Builder, name: str, cell: Lstm, x: Tensor) -> Tensor:
    """A time-major layer; gives y."""
    steps, batch, _ = x.shape or ()
    y = Tensor(f"{name}/y", "FLOAT32", (steps, batch, cell.states[0]))
    finals = [Tensor(f"{name}/{k}", "FLOAT32", (batch, w)) for k, w in enumerate(cell.states)]
    options = {"recurrence": Recurrence(name, cell)}
    build.ops.append(Op(RECURRENCE, [x, None, None], [y, *finals], options))
    return y


def measured(model: Model) -> list[tuple[str, int]]:
    """Which tensor each SHAPE is taken of for one element, and which axis that is."""
    made = {t: op for op in model.main.ops for t in op.outputs}
    found = []
    for op in model.main.ops:
        shape = made.get(op.inputs[0]) if op.code == "STRIDED_SLICE" and op.inputs[0] else None
        if shape is not None and shape.code == "SHAPE":
            tensor, begin = shape.inputs[0], op.inputs[1]
            assert tensor is not None
            assert begin is not None
            assert begin.array is not None
            found.append((tensor.name, int(begin.array[0])))
    return found


def test_a_size_is_followed_to_the_input() -> None:
    """Through a transpose, an activation, a product and a join, the axis is the input's."""
    build = Builder("g")
    x = Tensor("x", "FLOAT32", (OPEN, OPEN, 3))
    z = build.unary("TANH", build.transpose(x, [1, 0, 2]))
    joined = build.concatenate([z, build.reverse(z, 0)], 2)
    model = model_of(build, [x], [build.dimension(joined, 0), build.dimension(joined, 1)])
    assert measure_at_inputs(model)
    assert measured(model) == [("x", 1), ("x", 0)]
    assert not measure_at_inputs(model)


def test_a_size_of_two_open_operands_stays() -> None:
    """One of two operands that are open apart may be 1 and broadcast."""
    build = Builder("g")
    a, b = (Tensor(n, "FLOAT32", (OPEN, 3)) for n in "ab")
    total = build.binary("ADD", a, b)
    model = model_of(build, [a, b], [build.dimension(total, 0)])
    assert not measure_at_inputs(model)
    assert measured(model) == [(total.name, 0)]


def test_operands_that_lead_to_one_input_are_measured_there() -> None:
    """Where two open operands have one size, told to one as a shape, the input is measured."""
    build = Builder("g")
    x = Tensor("x", "FLOAT32", (OPEN, 3))
    size = build.concatenate([build.dimension(x, 0), build.indices([3])], 0)
    zeros = build.fill(size, build.constant("zero", np.zeros((), np.float32)), (OPEN, 3))
    total = build.binary("ADD", build.unary("TANH", x), zeros)
    model = model_of(build, [x], [build.dimension(total, 0), total])
    assert measure_at_inputs(model)
    assert {name for name, _ in measured(model)} == {"x"}


@pytest.mark.parametrize("batch", [1, 17, 40])
def test_layers_beside_a_loop(batch: int) -> None:
    """Two fused layers and a loop on one input agree on all kernels, whatever the batch."""
    build = Builder("g")
    x = Tensor("x", "FLOAT32", (OPEN, OPEN, 1))
    first = recurrence(build, "first", lstm(1, units=1, features=1), x)
    both = build.concatenate([build.reverse(x, 0), first], 2)
    second = recurrence(build, "second", lstm(2, units=1, features=2), both)
    odd = replace(lstm(3, units=3, features=1), activation="SIGMOID")
    third = recurrence(build, "third", odd, x)
    model = model_of(build, [x], [build.concatenate([third, build.reverse(second, 0)], 2)])
    lower(model)
    assert {name for name, _ in measured(model)} == {"x"}
    written = write_model(model)
    value = np.random.default_rng(0).normal(size=(9, batch, 1)).astype(np.float32)
    expected = Runner(written, "reference").run({"x": value})["output_0"]
    for _ in range(2):
        found = Runner(written, "default").run({"x": value})["output_0"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
