"""Loops that watch their values: what they say, and that they compute what they did."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.extract import with_called
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.watch import Row, watching
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.author import Array
from tests.quantize.single import number, whole


def _loop(name: str, count: int, start: Tensor, change: Any) -> tuple[Op, Tensor]:
    """`count` times y = change(y), from a tensor; the op and its result."""
    (k, y), (asked, unread), (last, result) = (
        (Tensor(f"{name}/k", "INT32", ()), Tensor(f"{name}/{t}", "FLOAT32", start.shape))
        for t in ("y", "unread", "result")
    )
    build = Builder(f"{name}/body")
    new = change(build, y)
    body = Subgraph(f"{name}_body", [k, y], [build.binary("ADD", k, whole(1)), new], build.ops)
    less = Tensor("less", "BOOL", ())
    ops = [make_op("LESS", [asked, whole(count)], [less])]
    condition = Subgraph(f"{name}_cond", [asked, unread], [less], ops)
    operands = [whole(0, "start"), start]
    parts = {"cond_subgraph": condition, "body_subgraph": body}
    return make_op("WHILE", operands, [last, result], **parts), result


def _watched(ops: list[Op], x: Tensor, y: Tensor) -> tuple[Model, list[Row]]:
    """A graph that gives y and what its loops say of their values."""
    made, rows = watching(Subgraph("main", [x], [y], ops))
    ends = {f"{end}{k}": getattr(row, end) for k, row in enumerate(rows) for end in ("low", "high")}
    made.outputs = [y, *ends.values()]
    return Model(with_called([made]), [Signature("main", made, {"x": x}, {"y": y} | ends)]), rows


def _run(model: Model, x: Any) -> dict[str, Array]:
    return Runner(write_model(model)).run({"x": np.asarray(x, np.float32)})


def test_the_least_and_the_largest_value_of_every_turn() -> None:
    """y = -2 y three times over [1, 5]: from -40 to 20, and y as without the rows."""
    x = Tensor("x", "FLOAT32", (OPEN,))
    op, y = _loop("loop", 3, x, lambda build, y: build.binary("MUL", y, number(-2.0)))
    model, (row,) = _watched([op], x, y)
    found = _run(model, [1.0, 5.0])
    assert found["y"].tolist() == [-8, -40]
    assert [t.name for t in row.tensors] == ["loop/body/mul"]
    assert (found["low0"].tolist(), found["high0"].tolist()) == ([-40], [20])


def test_the_given_graph_is_not_changed() -> None:
    """The ops, the operands of its loop and its body are what they were."""
    x = Tensor("x", "FLOAT32", (2,))
    op, y = _loop("loop", 3, x, lambda build, y: build.binary("MUL", y, number(-2.0)))
    body = op.options["body_subgraph"]
    before = (list(op.inputs), list(op.outputs), list(body.inputs), list(body.ops))
    _watched([op], x, y)
    assert (op.inputs, op.outputs, body.inputs, body.ops) == before


def test_a_range_holds_0() -> None:
    """Of values from 3 to 5 the least that is told is 0; a loop without a turn tells 0 alone."""
    x = Tensor("x", "FLOAT32", (2,))
    for count, high in ((1, 5.0), (0, 0.0)):
        op, y = _loop("loop", count, x, lambda build, y: build.unary("RELU", y))
        model, _ = _watched([op], x, y)
        found = _run(model, [3.0, 5.0])
        assert (found["low0"].tolist(), found["high0"].tolist()) == ([0.0], [high])


def test_a_loop_in_a_loop_goes_on_from_the_rows_around_it() -> None:
    """The inner loop's values of every turn of the outer one, not of the last alone."""
    x = Tensor("x", "FLOAT32", (1,))

    def outer(build: Builder, y: Tensor) -> Tensor:
        op, result = _loop("inner", 1, y, lambda b, z: b.binary("SUB", z, number(10.0)))
        build.ops.append(op)
        return build.unary("NEG", result)

    op, y = _loop("outer", 2, x, outer)
    model, rows = _watched([op], x, y)
    found = _run(model, [1.0])  # 1 - 10 = -9, then 9 - 10 = -1
    named = {row.tensors[0].name: k for k, row in enumerate(rows)}
    inner, own = named["inner/body/sub"], named["outer/body/neg"]
    assert (found[f"low{inner}"].tolist(), found[f"high{inner}"].tolist()) == ([-9], [0])
    assert (found[f"low{own}"].tolist(), found[f"high{own}"].tolist()) == ([0], [9])


def test_numbers_of_every_rank_and_none_are_watched() -> None:
    """A single number is; a tensor of unknown rank and one of whole numbers are not."""
    x = Tensor("x", "FLOAT32", ())

    def change(build: Builder, y: Tensor) -> Tensor:
        unknown = build.op("ABS", [y], "FLOAT32", None)
        build.op("CAST", [unknown], "INT32", ())
        return build.binary("SUB", y, number(3.0))

    op, y = _loop("loop", 2, x, change)
    model, (row,) = _watched([op], x, y)
    assert [t.name for t in row.tensors] == ["loop/body/sub"]
    assert _run(model, 1.0)["low0"].tolist() == [-5]


def test_a_loop_of_whole_numbers_has_no_row() -> None:
    """There is nothing to say of it, and it stays a loop."""
    x = Tensor("x", "FLOAT32", (2,))
    op, y = _loop("loop", 3, x, lambda _, y: y)
    model, rows = _watched([op], x, y)
    assert rows == []
    assert _run(model, [1.0, 2.0])["y"].tolist() == [1, 2]


def test_empty_values_leave_the_range_as_it_is() -> None:
    """A batch of no entries says nothing: neither end is the float32's largest."""
    x = Tensor("x", "FLOAT32", (OPEN,))
    op, y = _loop("loop", 2, x, lambda build, y: build.unary("NEG", y))
    model, _ = _watched([op], x, y)
    found = _run(model, np.zeros(0))
    assert (found["low0"].tolist(), found["high0"].tolist()) == ([0], [0])
