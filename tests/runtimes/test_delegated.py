"""Which ops the default delegate takes, and which copies cross the border of a part."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.runtimes import delegated
from rnnlite_pipeline.runtimes.delegated import (
    COPIES,
    INSIDE,
    OUTSIDE,
    DelegatedPart,
    copies,
    delegated_parts,
    may_cross,
)
from tests.runtimes.models import dense
from tests.runtimes.small import constant, op_of, value

A, B, Y, Z = (value(name) for name in "abyz")
C = constant("c", [1.0], "FLOAT32")


@pytest.mark.parametrize(
    ("op", "pairs"),
    [
        (op_of("CONCATENATION", A, C, B, gives=Y), [(A, Y), (B, Y)]),
        (Op("SPLIT", [C, A], [Y, Z]), [(A, Y), (A, Z)]),
        (op_of("RESHAPE", A, C, gives=Y), [(A, Y)]),
        (op_of("FULLY_CONNECTED", A, C, keep_num_dims=False), [(A, INSIDE)]),
        (op_of("FULLY_CONNECTED", A, C, keep_num_dims=True), []),
        (op_of("READ_VARIABLE", A, gives=Y), [(Y, OUTSIDE)]),
        (Op("ASSIGN_VARIABLE", [A, B], []), [(B, OUTSIDE)]),
        (op_of("ADD", A, B, gives=Y), []),
    ],
)
def test_what_an_op_copies(op: Op, pairs: list[tuple[object, object]]) -> None:
    """From where and to where; a constant is no matter. Ops that copy are those of the list."""
    assert list(copies(op)) == pairs
    assert not pairs or op.code in COPIES
    assert may_cross(Subgraph("g", [], [], [op])) == bool(pairs)


@pytest.mark.parametrize(
    ("outside", "op", "crosses"),
    [
        ({A}, op_of("CONCATENATION", A, B, gives=Y), True),
        ({A, B, Y}, op_of("CONCATENATION", A, B, gives=Y), False),
        (set[Tensor](), op_of("CONCATENATION", A, B, gives=Y), False),
        ({Y}, Op("SPLIT", [C, A], [Y, Z]), True),
        ({A}, op_of("FULLY_CONNECTED", A, C, keep_num_dims=False), True),
        (set[Tensor](), op_of("FULLY_CONNECTED", A, C, keep_num_dims=False), False),
        ({Y}, op_of("READ_VARIABLE", A, gives=Y), False),
        (set[Tensor](), op_of("READ_VARIABLE", A, gives=Y), True),
    ],
)
def test_a_copy_crosses_where_one_end_is_outside(
    outside: set[Tensor], op: Op, crosses: bool
) -> None:
    """Both ends outside, or both inside, is no crossing."""
    assert DelegatedPart((op,), frozenset(outside)).crosses(op) == crosses


def test_a_part_has_the_ops_between_what_it_reads_and_puts_out() -> None:
    """An op before, of other inputs, or behind the part is none of its ops."""
    x, build = value("x"), Builder("g")
    before = build.unary("NEG", x)
    first = build.unary("TANH", before)
    second = build.binary("ADD", first, first)
    build.unary("NEG", second)
    build.unary("LOGISTIC", x)
    graph = Subgraph("g", [x], [second], build.ops)
    made = {t: op for op in build.ops for t in op.outputs}
    found = delegated._between(graph, made, [before], [second])
    assert [op.code for op in found] == ["TANH", "ADD"]


def test_the_interpreter_is_asked_once_for_each_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other numbers in a large matrix are the same question; another width is not."""
    asked: list[bytes] = []

    def answer(content: bytes) -> list[tuple[list[int], list[int]]]:
        asked.append(content)
        return []

    monkeypatch.setattr(delegated, "_ASKED", {})
    monkeypatch.setattr(delegated, "delegations", answer)

    def graph(number: float, width: int) -> Subgraph:
        x, y = value("x", shape=(1, 64)), value("y", shape=(1, width))
        weights = Tensor.constant("w", np.full((width, 64), number, np.float32))
        return Subgraph("g", [x], [y], [make_op("FULLY_CONNECTED", [x, weights, None], [y])])

    for number, width, count in ((1.0, 32, 1), (2.0, 32, 1), (1.0, 33, 2)):
        assert delegated_parts(graph(number, width)) == []
        assert len(asked) == count


def test_the_default_delegate_takes_a_dense_layer_as_one_part() -> None:
    """It reads the input and puts out the result; what is between stands inside."""
    model = dense(rows=1)
    (part,) = delegated_parts(model.main)
    assert [op.code for op in part.ops] == ["FULLY_CONNECTED", "TANH"]
    computed = {tensor for tensor in part.outside if tensor.data is None}
    assert computed == {*model.main.inputs, *model.main.outputs}
