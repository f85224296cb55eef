"""Groups of ops that are drawn as one."""

from __future__ import annotations

import itertools

import pytest

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.report.fold import blocks, chains, intervals, label, layers, recurrent
from tests.report.test_graph import model_of, stacked, tensor


def is_acyclic(groups: list[list[Op]]) -> bool:
    """Whether each group is fed by groups before it alone."""
    makers = {t: k for k, group in enumerate(groups) for op in group for t in op.outputs}
    return all(
        makers.get(t, -1) <= k
        for k, group in enumerate(groups)
        for op in group
        for t in op.inputs
        if t
    )


def test_folding_makes_no_circle() -> None:
    """Two layers that feed each other in turn are not folded into boxes that do."""
    x = tensor("x")
    values = [x, *(tensor(f"{'ab'[i % 2]}/{i}") for i in range(6))]
    ops = [Op("TANH", [one], [two]) for one, two in itertools.pairwise(values)]
    for groups in (layers(ops, {}), blocks(ops, {}), intervals([[op] for op in ops], 2)):
        assert is_acyclic(groups)
        assert sorted(map(id, itertools.chain(*groups))) == sorted(map(id, ops))
    assert len(chains(model_of(ops, x, values[-1]), ops)) == 1


def test_a_layer_used_twice_is_two_boxes_where_it_must_be() -> None:
    """Ops of one name before and after another layer cannot be one box."""
    x, a, b, c = (tensor(n) for n in ("x", "dense/1", "other/1", "dense/2"))
    ops = [Op("TANH", [x], [a]), Op("RELU", [a], [b]), Op("ADD", [a, b], [c])]
    assert [len(group) for group in layers(ops, {})] == [1, 1, 1]


@pytest.mark.parametrize(
    ("code", "yes"),
    [("WHILE", True), ("UNIDIRECTIONAL_SEQUENCE_LSTM", True), ("REVERSE_SEQUENCE", False)],
)
def test_what_runs_over_time(code: str, yes: bool) -> None:
    """Loops and the fused ops."""
    assert recurrent(Op(code, [], [])) == yes


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("model/lstm/while/y", "the lstm"),
        ("model/dense/y;other", "model"),
        ("/leading/y", "leading"),
        ("", "ADD"),
    ],
)
def test_the_layer_of_an_op(name: str, layer: str) -> None:
    """The recurrent layer whose scope it is below, else its name's first part, else its code."""
    assert label(Op("ADD", [], [tensor(name)]), {"model/lstm": "the lstm"}) == layer


def test_an_output_of_the_model_ends_a_chain() -> None:
    """As does a value that two ops read."""
    x, a, b, c, d = (tensor(n) for n in "xabcd")
    ops = [Op("NEG", [x], [a]), Op("NEG", [a], [b]), Op("NEG", [b], [c]), Op("NEG", [b], [d])]
    model = model_of(ops, x, d)
    assert chains(model, ops) == [ops[:2], ops[2:3], ops[3:]]
    model.main.outputs = [a, d]
    assert chains(model, ops) == [ops[:1], ops[1:2], ops[2:3], ops[3:]]


def test_a_residual_connection_lies_within_a_block() -> None:
    """A block ends where one tensor alone is live, and a recurrent layer begins one."""
    model = stacked(3)
    found = blocks(model.main.ops, {})
    assert [len(group) for group in found] == [1, 4, 1, 4, 1, 4]
    assert [group[0].code for group in found[::2]] == ["WHILE"] * 3


@pytest.mark.parametrize("count", [1, 5, 6, 7, 30])
def test_no_more_intervals_than_were_asked_for(count: int) -> None:
    """Neighbours in their order, all of them."""
    groups = [[Op("NEG", [], [])] for _ in range(count)]
    found = intervals(groups, 6)
    assert len(found) <= 6
    assert list(itertools.chain(*found)) == list(itertools.chain(*groups))
