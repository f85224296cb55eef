"""A model cut into parts: what goes together, what is fed, and what is computed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.cut import Part, parts
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.latency.models import MODELS, kept
from tests.quantize.single import graph, weight, whole


def _part(model: Model, code: str) -> Part:
    (found,) = [part for part in parts(model) if code in [op.code for op in part.ops]]
    return found


def test_a_state_is_timed_with_its_reset_and_its_reader() -> None:
    """The fused op, what sets its states, and what reads the last one are one part."""
    part = _part(MODELS["final states"](), "UNIDIRECTIONAL_SEQUENCE_LSTM")
    codes = [op.code for op in part.ops]
    assert part.lead.code == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert codes.index("UNIDIRECTIONAL_SEQUENCE_LSTM") >= 2  # one op for each state before it
    assert "CONCATENATION" in codes[codes.index("UNIDIRECTIONAL_SEQUENCE_LSTM") :]
    assert "SHAPE" in [op.code for op in part.context]


def test_what_is_prepared_once_is_no_part_s_input() -> None:
    """Weights in float16 stay constants of the op that reads them, behind their CAST."""
    model = MODELS["float16"]()
    dense = _part(model, "FULLY_CONNECTED")
    assert {op.code for op in dense.context} == {"CAST"}
    assert len(dense.inputs) == 1
    first = parts(model)[0]
    assert first.is_early
    assert {"CAST", "SHAPE"} <= {op.code for op in first.ops}


def test_a_variable_is_read_and_assigned_in_one_part() -> None:
    """Handle, first value, reading and assigning go together; the sum between them does not."""
    model = kept()
    codes = [op.code for op in _part(model, "VAR_HANDLE").ops]
    assert codes == ["CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"]
    assert [op.code for op in _part(model, "TANH").ops] == ["TANH"]


def _codes(model: Model) -> list[list[str]]:
    return [[op.code for op in part.ops] for part in parts(model)]


def _value(name: str, *shape: int, dtype: str = "FLOAT32") -> Tensor:
    return Tensor(name, dtype, shape or (2, 3))


def test_a_graph_without_ops_has_no_part() -> None:
    """Nothing is timed."""
    x = _value("x")
    assert parts(graph([x], [x], [])) == []


def test_sizes_alone_are_one_part() -> None:
    """All that is computed of sizes and constants, whatever computes them."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (OPEN, 3))
    size = build.dimension(x, 0)
    y = build.fill(build.concatenate([size, build.indices([3])], 0), weight(), (OPEN, 3))
    build.op("DEQUANTIZE", [weight(4)], "FLOAT32", (4,))
    model = graph([x], [y], build.ops)
    first, second = parts(model)
    assert first.is_early
    assert [op.code for op in first.ops] == [
        "SHAPE",
        "STRIDED_SLICE",
        "CONCATENATION",
        "DEQUANTIZE",
    ]
    assert [op.code for op in second.ops] == ["FILL"]
    assert [op.code for op in second.context] == ["SHAPE", "STRIDED_SLICE", "CONCATENATION"]
    assert second.inputs == (x,)


def test_ops_in_a_row_are_a_part_each() -> None:
    """Fed what the one before makes; what nobody reads is given all the same."""
    build, x = Builder("g"), _value("x")
    first = build.unary("TANH", x)
    build.unary("NEG", first)
    last = build.unary("ABS", first)
    found = parts(graph([x], [last], build.ops))
    assert [(part.inputs, part.outputs) for part in found] == [
        ((x,), (first,)),
        ((first,), (build.ops[1].outputs[0],)),
        ((first,), (last,)),
    ]


def test_what_is_between_ops_of_one_state_is_their_part() -> None:
    """An op that reads a result on its way to another op of the state; what leads away is not."""
    state = Tensor("state", "FLOAT32", (2, 3), is_variable=True)
    x, y, beside, end = (_value(name) for name in ("x", "y", "beside", "end"))
    zero = make_op("FILL", [whole([2, 3]), weight()], [state])
    keeps = Op("SVDF", [x, None, state], [y])
    between = make_op("NEG", [y], [beside])
    reads = make_op("CONCATENATION", [beside, state], [end], axis=0)
    away = make_op("TANH", [y], [_value("away")])
    model = graph([x], [end], [zero, keeps, away, between, reads])
    assert sorted(_codes(model)) == [
        ["FILL", "SVDF", "NEG", "CONCATENATION"],
        ["TANH"],
    ]


def test_two_states_of_one_op_hold_all_together() -> None:
    """Groups that share an op are one."""
    first, second = (Tensor(n, "FLOAT32", (2, 3), is_variable=True) for n in ("h", "c"))
    x = _value("x")
    ops = [
        make_op("FILL", [whole([2, 3]), weight()], [first]),
        make_op("FILL", [whole([2, 3]), weight()], [second]),
        Op("SVDF", [x, first, second], [_value("y")]),
    ]
    assert _codes(graph([x], [ops[2].outputs[0]], ops)) == [[op.code for op in ops]]


def test_the_op_that_computes_most_leads() -> None:
    """Of equal ones the last; parts stand in the order of their leads."""
    state = Tensor("state", "FLOAT32", (2, 3), is_variable=True)
    x, y = _value("x"), _value("y")
    fill = make_op("FILL", [whole([2, 3]), weight()], [state])
    product = make_op("FULLY_CONNECTED", [state, weight(3, 3), None], [y])
    first = make_op("NEG", [x], [_value("n")])
    part, other = parts(graph([x], [y], [fill, first, product]))
    assert [part.lead, other.lead] == [first, product]


def test_custom_ops_and_loops_are_never_sizes() -> None:
    """Even where all that they read is constant."""
    y = _value("y", dtype="INT32")
    model = graph([_value("x")], [y], [Op("Own", [whole(3)], [y], custom=True)])
    (part,) = parts(model)
    assert not part.is_early


@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_a_part_is_a_model_of_its_own(shape: tuple[int, ...]) -> None:
    """It gives what its ops give, with the sizes that it needs."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (OPEN, 3))
    y = build.unary("TANH", x)
    z = build.op("BROADCAST_TO", [y, build.shape(x)], "FLOAT32", (OPEN, 3))
    *_, part = parts(graph([x], [z], build.ops))
    given: dict[str, Any] = {}
    for k, tensor in enumerate(part.inputs):
        given[f"input_{k}"] = np.full(shape, 2 if tensor is x else 5, np.float32)
    (found,) = Runner(write_model(part.model())).run(given).values()
    np.testing.assert_array_equal(found, np.full(shape, 5, np.float32))
