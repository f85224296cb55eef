"""The verifier finds each kind of fault, and none in a good graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.errors import BrokenGraph
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.check import Verifier, faults
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor

F32 = "FLOAT32"


def model() -> Model:
    """tanh(x) turned, times a constant, behind a loop that counts to three; with a signature."""
    x, build = Tensor("x", F32, (OPEN, 4)), Builder("main")
    turned = build.transpose(build.unary("TANH", x), (1, 0))
    product = build.binary("MUL", turned, build.constant("two", np.array([2.0], np.float32)))
    parts = build.split(product, 2, 0)
    y = build.concatenate(parts, 0)
    weights = build.constant("weights", np.zeros((3, 4), np.float32))
    build.op("FULLY_CONNECTED", [x, weights, None], F32, (OPEN, 3))
    loop, graphs = _loop()
    build.ops.append(loop)
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main, *graphs], [Signature("serve", main, {"x": x}, {"y": y})])


def _loop() -> tuple[Op, list[Subgraph]]:
    i, k, out = (Tensor(name, "INT32", ()) for name in ("i", "k", "out"))
    cond, body = Builder("cond"), Builder("body")
    go_on = cond.binary("LESS", i, cond.constant("three", np.array(3, np.int32)))
    more = body.binary("ADD", k, body.constant("one", np.array(1, np.int32)))
    graphs = [Subgraph("cond", [i], [go_on], cond.ops), Subgraph("body", [k], [more], body.ops)]
    start = Tensor.constant("start", np.zeros((), np.int32))
    op = make_op("WHILE", [start], [out], cond_subgraph=graphs[0], body_subgraph=graphs[1])
    return op, graphs


def op_of(model: Model, code: str) -> Op:
    """The one op of a code."""
    return next(op for op in model.ops() if op.code == code)


def test_a_good_graph_has_no_faults() -> None:
    """Loops, constants, broadcasting and a signature are all in order."""
    assert faults(model()) == []


def _made_twice(m: Model) -> None:
    op = op_of(m, "TANH")
    m.main.ops.append(Op("NEG", op.inputs, op.outputs, {}, "NegOptions"))


def _input_made(m: Model) -> None:
    m.main.ops.append(make_op("NEG", [op_of(m, "TANH").outputs[0]], [m.main.inputs[0]]))


def _out_of_order(m: Model) -> None:
    m.main.ops.reverse()


def _cycle(m: Model) -> None:
    op_of(m, "TANH").inputs = [op_of(m, "MUL").outputs[0]]


def _lost_output(m: Model) -> None:
    m.main.outputs[0] = m.signatures[0].outputs["y"] = Tensor("lost", F32, (4, OPEN))


def _strange_type(m: Model) -> None:
    m.main.inputs[0].dtype = "float32"


def _strange_shape(m: Model) -> None:
    m.main.inputs[0].shape = (-2, 4)


def _loop_of_two(m: Model) -> None:
    op_of(m, "WHILE").options["body_subgraph"].outputs *= 2


def _loop_of_other_rank(m: Model) -> None:
    op_of(m, "WHILE").options["body_subgraph"].inputs[0].shape = (1, 1)


def _loop_without_graph(m: Model) -> None:
    m.subgraphs.pop()


def _strange_signature(m: Model) -> None:
    m.signatures[0].inputs["z"] = Tensor("z", F32, ())


def _unknown_option(m: Model) -> None:
    op_of(m, "MUL").options["speed"] = 1


def _wrong_table(m: Model) -> None:
    op_of(m, "MUL").options_type = "AddOptions"


def _wrong_value(m: Model) -> None:
    op_of(m, "MUL").options["fused_activation_function"] = 4


def _changed_shape(m: Model) -> None:
    op_of(m, "TANH").outputs[0].shape = (OPEN, 5)


def _mixed_types(m: Model) -> None:
    op_of(m, "MUL").inputs[1] = Tensor.constant("two", np.array([2.0]))


def _lost_axis(m: Model) -> None:
    op_of(m, "TRANSPOSE").outputs[0].shape = (4,)


def _joined_ranks(m: Model) -> None:
    op_of(m, "CONCATENATION").outputs[0].shape = (4,)


def _parted_ranks(m: Model) -> None:
    op_of(m, "SPLIT").outputs[0].shape = (4,)


def _flat_weights(m: Model) -> None:
    op_of(m, "FULLY_CONNECTED").inputs[1] = Tensor.constant("w", np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_made_twice, "single"),
        (_input_made, "single"),
        (_out_of_order, "order"),
        (_cycle, "order"),
        (_lost_output, "order"),
        (_strange_type, "type"),
        (_strange_shape, "type"),
        (_loop_of_two, "call"),
        (_loop_of_other_rank, "call"),
        (_loop_without_graph, "call"),
        (_strange_signature, "signature"),
        (_unknown_option, "option"),
        (_wrong_table, "option"),
        (_wrong_value, "option"),
        (_changed_shape, "rank"),
        (_mixed_types, "rank"),
        (_lost_axis, "rank"),
        (_joined_ranks, "rank"),
        (_parted_ranks, "rank"),
        (_flat_weights, "rank"),
    ],
)
def test_each_fault_is_found(spoil: Callable[[Model], None], rule: str) -> None:
    """A graph spoilt in one way breaks the rule that forbids it."""
    spoilt = model()
    spoil(spoilt)
    assert rule in {fault.rule for fault in faults(spoilt)}


def test_a_pass_that_spoils_a_graph_is_named() -> None:
    """The error tells the pass, the op and the rule, and what to send."""
    good = model()
    verify = Verifier(good)
    verify(good, "nothing")
    _cycle(good)
    with pytest.raises(BrokenGraph, match=r'The pass "turn"(.|\n)*TANH to .*rule order') as caught:
        verify(good, "turn")
    assert "--dump-passes" in caught.value.remedy


def test_what_the_source_breaks_is_not_held_against_a_pass() -> None:
    """A foreign file with an odd shape converts; a fault of another kind is still found."""
    odd = model()
    _changed_shape(odd)
    verify = Verifier(odd)
    verify(odd, "any")
    _cycle(odd)
    with pytest.raises(BrokenGraph):
        verify(odd, "any")
