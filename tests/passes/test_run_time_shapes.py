"""The run-time shape of a value inside a loop, taken before the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.run_time_shapes import RunTimeShapes, operand
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.single import Shape, graph

Write = Callable[[Builder, Tensor], Tensor]


class Body:
    """A loop that carries x, whose body makes an item of it.

    Attributes:
        x: Outside.
        item: What is made of it inside.
        frames: Where the item stands.
        builder: The ops that stand in front of the loop.
    """

    def __init__(self, shape: Shape, write: Write, code: str = "WHILE") -> None:
        self.x, inside = (Tensor(name, "FLOAT32", shape) for name in ("x", "inside"))
        build = Builder("body")
        self.item = write(build, inside)
        self.body = Subgraph("body", [inside], [inside], build.ops)
        inputs: list[Tensor | None] = [self.x]
        if code == "IF":
            inputs = [Tensor("c", "BOOL", ()), self.x]
        self.op = Op(code, inputs, [Tensor("out", "FLOAT32", shape)], {"body_subgraph": self.body})
        self.model = Model([Subgraph("main", [self.x], [], [self.op]), self.body])
        self.frames = ((self.op, self.body),)
        self.builder = Builder("before")
        self.shapes = RunTimeShapes(self.model, self.builder)

    def dimension(self, axis: int) -> int | Tensor | None:
        """Of the item."""
        return self.shapes.dimension(self.item, axis, self.frames)

    def value(self, dimension: int | Tensor | None, shape: Shape) -> int:
        """What a dimension is where x has this shape."""
        assert isinstance(dimension, Tensor)
        dimension.name = "size"
        content = write_model(graph([self.x], [dimension], self.builder.ops))
        (found,) = Runner(content).run({"x": np.zeros(shape, np.float32)}).values()
        return int(found[0])


def test_a_closed_dimension_is_known() -> None:
    """No op is written."""
    body = Body((OPEN, 3), lambda build, x: build.unary("TANH", x))
    assert body.dimension(1) == 3
    assert body.builder.ops == []


@pytest.mark.parametrize("code", ["WHILE", "IF"])
def test_an_open_one_is_that_of_the_operand(code: str) -> None:
    """By the rule of each op on the way: the SHAPE of x before the loop or the branch."""
    body = Body((OPEN, 3), lambda build, x: build.unary("TANH", build.transpose(x, (1, 0))), code)
    found = body.dimension(1)
    assert {op.code for op in body.builder.ops} == {"SHAPE", "STRIDED_SLICE"}
    assert body.value(found, (7, 3)) == 7
    assert body.dimension(1) is found


def test_a_broadcast_of_open_sizes() -> None:
    """Each is the result's or 1: which one is told when the model runs."""

    def write(build: Builder, x: Tensor) -> Tensor:
        return build.op("ADD", [x, build.transpose(x, (1, 0))], "FLOAT32", (OPEN, OPEN))

    for shape in ((1, 4), (4, 1), (4, 4), (1, 1)):
        body = Body((OPEN, OPEN), write)
        assert body.value(body.dimension(0), shape) == max(shape)


def test_a_broadcast_with_a_closed_size() -> None:
    """One that is not 1 is the result's."""

    def write(build: Builder, x: Tensor) -> Tensor:
        other = Tensor.constant("c", np.zeros((5, 1), np.float32))
        return build.op("ADD", [x, other], "FLOAT32", (OPEN, 3))

    assert Body((OPEN, 3), write).dimension(0) == 5


def test_an_op_without_a_rule_is_copied_before_the_loop() -> None:
    """Its own inputs too; the SHAPE of the copy is taken, once for both axes."""

    def write(build: Builder, x: Tensor) -> Tensor:
        doubled = build.concatenate([build.unary("NEG", x), x], 0)
        return build.op("REVERSE_V2", [doubled, build.indices([0])], "FLOAT32", (OPEN, OPEN))

    body = Body((OPEN, OPEN), write)
    found = body.dimension(0)
    codes = [op.code for op in body.builder.ops]
    assert "CONCATENATION" in codes
    assert body.value(found, (3, 2)) == 6
    assert [op.code for op in body.body.ops] == ["NEG", "CONCATENATION", "REVERSE_V2"]


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: Op("Own", [x], [y], custom=True),
        lambda _, y: make_op("CALL_ONCE", [], [y]),
        lambda _, y: Op("WHERE", [Tensor("fed", "BOOL", None)], [y]),
    ],
)
def test_what_may_not_run_twice_has_no_shape(make: Any) -> None:
    """A custom op, one with an effect, and what reads a value that nobody makes."""

    def write(build: Builder, x: Tensor) -> Tensor:
        y = Tensor("y", "FLOAT32", (OPEN, 3))
        build.ops.append(make(x, y))
        return y

    body = Body((OPEN, 3), write)
    assert body.dimension(0) is None
    assert body.builder.ops == []


def test_an_unknown_rank_has_no_dimension() -> None:
    """Whatever makes the value."""
    assert (
        Body((OPEN, 3), lambda build, x: build.op("ABS", [x], "FLOAT32", None)).dimension(0) is None
    )


def test_a_list_that_nobody_makes_has_no_size() -> None:
    """A TensorList is never copied."""
    body = Body((OPEN, 3), lambda build, x: build.unary("TANH", x))
    items = Tensor("list", "VARIANT", ())
    assert body.shapes.dimension(items, 0, body.frames) is None


def test_a_value_outside_every_loop_is_measured_itself() -> None:
    """There is nothing to walk."""
    body = Body((OPEN, 3), lambda build, x: build.unary("TANH", x))
    found = body.shapes.dimension(body.x, 0, ())
    assert body.value(found, (7, 3)) == 7


def test_what_an_op_feeds_to_an_input_of_its_graph() -> None:
    """A branch's inputs stand behind the condition; a value made inside is fed by nobody."""
    for code in ("WHILE", "IF"):
        body = Body((OPEN, 3), lambda build, x: build.unary("TANH", x), code)
        assert operand(body.body.inputs[0], body.frames) is body.x
        assert operand(body.item, body.frames) is None
    assert operand(body.x, ()) is None
