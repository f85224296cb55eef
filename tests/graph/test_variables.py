"""Variables of the runtime, and inputs and outputs of the graph: there and back."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import RESET, State, add, keep, lift
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

FIRST = np.array([[1.0, -2.0]], np.float32)
ONE = np.ones((1, 2), np.float32)


def _model(build: Builder, x: Tensor, outputs: dict[str, Tensor]) -> Model:
    main = Subgraph("main", [x], list(outputs.values()), build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, outputs)])


def _sum() -> Model:
    """y = sum + x, and the sum becomes y: a state that is an output as well."""
    build, x = Builder("sum"), Tensor("x", "FLOAT32", (1, 2))
    before = Tensor("before", "FLOAT32", (1, 2))
    y = build.binary("ADD", before, x)
    model = _model(build, x, {"y": y})
    add(model, State("sum", FIRST), before, y)
    return model


def _handle(build: Builder, name: str = "v") -> Tensor:
    return build.op("VAR_HANDLE", [], "RESOURCE", [], container="", shared_name=name)


def test_a_kept_state_goes_on_until_it_is_reset() -> None:
    """The first call starts from the first value, and so does the one after the reset."""
    model = _sum()
    keep(model, [State("sum", FIRST)])
    runner = Runner(write_model(model))
    results = [runner.run({"x": ONE})["y"] for _ in range(3)]
    runner.reset()
    results.append(runner.run({"x": ONE})["y"])
    for result, calls in zip(results, (1, 2, 3, 1), strict=True):
        np.testing.assert_array_equal(result, FIRST + calls)


def test_lift_undoes_keep() -> None:
    """Through a file, interface, ops and first values are what they were."""
    before, after = _sum(), _sum()
    keep(after, [State("sum", FIRST)])
    after = read_model(write_model(after))
    assert [s.key for s in after.signatures] == ["serving_default", RESET]
    (state,) = lift(after)
    np.testing.assert_array_equal(state.initial, FIRST)
    assert [op.code for op in after.main.ops][:2] == [op.code for op in before.main.ops]
    assert len(after.subgraphs) == len(after.signatures) == 1
    for side in ("inputs", "outputs"):
        names = list(getattr(before.signatures[0], side))
        assert list(getattr(after.signatures[0], side)) == names


def test_what_is_assigned_before_it_is_read_is_no_state() -> None:
    """Each call forgets it: its reads are what was assigned."""
    build, x = Builder("b"), Tensor("x", "FLOAT32", (1, 2))
    handle = _handle(build)
    build.ops.append(make_op("ASSIGN_VARIABLE", [handle, x], []))
    model = _model(build, x, {"y": build.op("READ_VARIABLE", [handle], "FLOAT32", (1, 2))})
    assert lift(model) == []
    assert not model.main.ops
    assert model.main.outputs == [x]


def test_what_is_never_assigned_is_a_constant() -> None:
    """A variable that only CALL_ONCE assigns is the value that it gives."""
    build, first = Builder("b"), Builder("first")
    x = Tensor("x", "FLOAT32", (1, 2))
    value = build.op("READ_VARIABLE", [_handle(build)], "FLOAT32", (1, 2))
    y = build.binary("ADD", value, x)
    operands = [_handle(first), first.constant("v", FIRST)]
    first.ops.append(make_op("ASSIGN_VARIABLE", operands, []))
    once = make_op("CALL_ONCE", [], [], init_subgraph=Subgraph("init", ops=first.ops))
    build.ops.insert(0, once)
    model = _model(build, x, {"y": y})
    model.subgraphs.append(once.options["init_subgraph"])
    assert lift(model) == []
    np.testing.assert_array_equal(Runner(write_model(model)).run({"x": ONE})["y"], FIRST + ONE)


def test_a_variable_inside_a_loop_is_refused() -> None:
    """There it cannot be followed, and the message says what to do instead."""
    build, inside, x = Builder("b"), Builder("inside"), Tensor("x", "FLOAT32", (1, 2))
    _handle(inside)
    bodies = [Subgraph("cond", [x], [x]), Subgraph("body", [x], [x], inside.ops)]
    options = dict(zip(("cond_subgraph", "body_subgraph"), bodies, strict=True))
    y = Tensor("y", "FLOAT32", (1, 2))
    build.ops.append(Op("WHILE", [x], [y], options, "WhileOptions"))
    model = _model(build, x, {"y": y})
    model.subgraphs += bodies
    with pytest.raises(NotConvertible, match=r"inside a loop(.|\n)*carry its value"):
        lift(model)
