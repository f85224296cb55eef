"""Which subgraphs run which."""

from __future__ import annotations

import re

import pytest

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph.calls import MAX_DEPTH, called, check_calls
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor


def scalar(dtype: str = "INT32") -> Tensor:
    """An operand."""
    return Tensor("t", dtype, ())


def function(name: str, inputs: int = 1, outputs: int = 1, *ops: Op) -> Subgraph:
    """A subgraph of so many operands and results."""
    return Subgraph(name, [scalar() for _ in range(inputs)], [scalar() for _ in range(outputs)],
                    list(ops))  # fmt: skip


def loop(cond: Subgraph, body: Subgraph, carried: int = 1) -> Op:
    """A WHILE."""
    options = {"cond_subgraph": cond, "body_subgraph": body}
    operands = [scalar() for _ in range(carried)]
    return Op("WHILE", [*operands], [scalar() for _ in range(carried)], options, "WhileOptions")


def branch(then: Subgraph, other: Subgraph) -> Op:
    """An IF of one operand and one result."""
    options = {"then_subgraph": then, "else_subgraph": other}
    return Op("IF", [scalar("BOOL"), scalar()], [scalar()], options, "IfOptions")


def model(*ops: Op) -> Model:
    """A main graph of these ops and all that they run."""
    return Model([Subgraph("main", [], [], list(ops)), *(s for op in ops for s in called(op))])


def test_what_an_op_runs() -> None:
    """A loop's condition and body, and graphs in a list."""
    cond, body = function("cond"), function("body")
    assert called(loop(cond, body)) == [cond, body]
    case = Op("STABLEHLO_CASE", [], [], {"branch_subgraphs": [cond, body], "axis": [1]})
    assert called(case) == [cond, body]
    assert called(Op("ADD", [], [])) == []


def test_what_fits_is_taken() -> None:
    """Loops in loops, and one graph that two ops run."""
    body = function("body")
    check_calls(model(loop(function("cond"), body), branch(body, function("else"))))
    outer = function("outer", 1, 1, loop(function("cond"), body))
    check_calls(model(loop(function("cond"), outer)))


@pytest.mark.parametrize(
    "op",
    [
        loop(function("cond", 2), function("body")),
        loop(function("cond", 1, 2), function("body")),
        loop(function("cond"), function("body", 2)),
        loop(function("cond"), function("body", 1, 2)),
        loop(function("cond"), function("body"), 2),
        branch(function("then", 2), function("else")),
        branch(function("then"), function("else", 1, 2)),
        Op("WHILE", [], [], {}, None),
        Op("IF", [], [], {}, "AddOptions"),
    ],
)
def test_what_does_not_fit_is_damaged(op: Op) -> None:
    """A condition of two results, operands too many or too few, other options."""
    with pytest.raises(ModelFormatError, match="fit"):
        check_calls(model(op))


def test_a_graph_that_runs_itself_is_damaged() -> None:
    """Directly, or by way of another."""
    body = function("body")
    inner = function("inner", 1, 1, loop(function("cond"), body))
    body.ops.append(loop(function("cond"), inner))
    with pytest.raises(ModelFormatError, match=re.escape("'body' runs itself")):
        check_calls(model(loop(function("cond"), body)))


def test_loops_are_not_nested_without_end() -> None:
    """Walks over a graph recurse, so their depth is bounded."""
    body = function("body")
    for _ in range(MAX_DEPTH + 1):
        body = function("body", 1, 1, loop(function("cond"), body))
    with pytest.raises(ModelFormatError, match="runs itself"):
        check_calls(model(loop(function("cond"), body)))
