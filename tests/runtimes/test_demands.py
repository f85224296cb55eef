"""Demands on a whole model, each on a model that meets it and on one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import SPARSITY, Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.sparse import encoded
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.demands import (
    closed,
    dtypes,
    first_states_zero,
    is_zero,
    no_float16,
    no_hybrid,
    no_sparse,
    no_variables,
)
from rnnlite_pipeline.runtimes.rule import Demand, Source
from tests.runtimes.small import constant, model_of, op_of, value

AT = Source("a/file.cc", "1.0")


def refused(demand: Demand, model: Model) -> list[tuple[str, str]]:
    """Op and tensor of each refusal."""
    assert demand.source is AT
    return [(each.op, each.name) for each in demand.refusals(model)]


# Sizes --------------------------------------------------------------------------------------------


def test_closed_sizes() -> None:
    """An open input is named alone; without one, each result of an open or an unknown size."""
    x, y, z = value(), value("y", shape=(1, -1)), value("z", shape=None)
    ops = [op_of("ADD", x, gives=y), op_of("ADD", y, gives=z), op_of("ADD", z)]
    demand = closed(AT)
    assert refused(demand, model_of(*ops, inputs=[x])) == [("ADD", "y"), ("ADD", "z")]
    wide = value("wide", shape=(-1, 4))
    assert refused(demand, model_of(*ops, inputs=[x, wide])) == [("INPUT", "wide")]
    assert refused(demand, model_of(op_of("ADD", x), inputs=[x])) == []
    (refusal,) = demand.refusals(model_of(*ops, inputs=[wide]))
    assert "source.inputs" in refusal.reason


def test_sizes_inside_a_loop_count() -> None:
    """A result of a graph that an op runs must be closed as well."""
    body = Subgraph("body", [], [], [op_of("ADD", value(), gives=value("open", shape=(-1,)))])
    model = model_of(op_of("WHILE", value(), body_subgraph=body), others=[body])
    assert refused(closed(AT), model) == [("ADD", "open")]


# Types and variables ------------------------------------------------------------------------------


def test_types() -> None:
    """Inputs and results are held to the types, operands that are constants are not."""
    x, y = value(dtype="INT8"), value("y", "INT8")
    op = op_of("ADD", x, constant("c", [1]), gives=y)
    assert refused(dtypes(("INT8",), AT), model_of(op, inputs=[x])) == []
    found = list(dtypes(("FLOAT32", "INT32"), AT).refusals(model_of(op, inputs=[x])))
    assert [(each.op, each.name) for each in found] == [("INPUT", "x"), ("ADD", "y")]
    assert [each.reason for each in found] == [
        "it is int8; only float32, int32 values are taken",
        "it gives int8; only float32, int32 values are taken",
    ]


def test_types_with_a_remedy() -> None:
    """What the remedy says of a tensor stands behind the reason; where it says nothing, no mark."""
    x, y = value(dtype="INT64"), value("y", "INT64")
    demand = dtypes(("INT8",), AT, lambda model, t: "ask for it" if t in model.main.inputs else "")
    reasons = [
        each.reason for each in demand.refusals(model_of(op_of("ADD", x, gives=y), inputs=[x]))
    ]
    assert reasons == [
        "it is int64; only int8 values are taken; ask for it",
        "it gives int64; only int8 values are taken",
    ]


def test_variables() -> None:
    """The op that has a variable tensor is named, with the runtime's own reason."""
    state = Tensor("state", "FLOAT32", (1, 4), is_variable=True)
    demand = no_variables(AT, "none here")
    (refusal,) = demand.refusals(model_of(op_of("LSTM", value(), None, state)))
    assert (refusal.op, refusal.name, refusal.reason) == ("LSTM", "y", "none here")
    assert refused(demand, model_of(op_of("LSTM", value(), None))) == []


def test_float16() -> None:
    """An operand in float16 is refused, computed or stored; a result in it is the next op's."""
    half = value("half", "FLOAT16")
    demand = no_float16(AT)
    assert refused(demand, model_of(op_of("CAST", half))) == [("CAST", "y")]
    stored = constant("w", [1.0], "FLOAT16")
    assert refused(demand, model_of(op_of("DEQUANTIZE", stored))) == [("DEQUANTIZE", "y")]
    assert refused(demand, model_of(op_of("CAST", value(), gives=half))) == []


@pytest.mark.parametrize(
    ("code", "x", "w", "taken"),
    [
        ("FULLY_CONNECTED", value(), constant("w", [[1]], "INT8"), False),
        ("FULLY_CONNECTED", value(dtype="INT8"), constant("w", [[1]], "INT8"), True),
        ("FULLY_CONNECTED", value(), constant("w", [[1]], "FLOAT32"), True),
        ("FULLY_CONNECTED", value(), value("w", "INT8"), True),
        ("DEQUANTIZE", value(), constant("w", [[1]], "INT8"), True),
    ],
)
def test_hybrid(code: str, x: Tensor, w: Tensor, taken: bool) -> None:
    """Float values with stored int8 weights are refused, and nothing else."""
    found = refused(no_hybrid(AT), model_of(op_of(code, x, None, w)))
    assert found == ([] if taken else [(code, "y")])
    assert refused(no_hybrid(AT), model_of(op_of(code))) == []


def test_weights_without_their_zeros() -> None:
    """A runtime that would read them as whole weights refuses them; LiteRT takes them."""
    matrix = np.eye(4, 8, dtype=np.float32)
    whole, sparse = Tensor.constant("w", matrix), Tensor("w", "FLOAT32", matrix.shape)
    sparse.data, sparse.extra[SPARSITY] = encoded(matrix, 4)
    assert refused(no_sparse(AT), model_of(op_of("FULLY_CONNECTED", value(), whole))) == []
    model = model_of(op_of("FULLY_CONNECTED", value(), sparse))
    assert refused(no_sparse(AT), model) == [("FULLY_CONNECTED", "y")]
    takes = {
        name: RUNTIMES[name].judge(model).takes for name in ("litert", "tflm", "tflm-cmsis-nn")
    }
    assert takes == {"litert": True, "tflm": False, "tflm-cmsis-nn": False}


# First states -------------------------------------------------------------------------------------


def counting(first: Tensor, zero_point: int | None = None) -> Model:
    """A model with one variable, `total`, that CALL_ONCE sets to `first`."""
    handle, read = value("set/handle", "RESOURCE", ()), value("read", "INT8")
    if zero_point is not None:
        read.quantization = Quantization((0.5,), (zero_point,))
    setting = Subgraph("set", [], [], [_handle(handle), Op("ASSIGN_VARIABLE", [handle, first], [])])
    own = value("handle", "RESOURCE", ())
    once = Op("CALL_ONCE", [], [], {"init_subgraph": setting})
    return model_of(once, _handle(own), op_of("READ_VARIABLE", own, gives=read), others=[setting])


def _handle(tensor: Tensor) -> Op:
    return Op("VAR_HANDLE", [], [tensor], {"container": "", "shared_name": "total"})


@pytest.mark.parametrize(
    ("first", "zero_point", "taken"),
    [
        (constant("first", [0.0, 0.0], "FLOAT32"), None, True),
        (constant("first", [0.0, 1.0], "FLOAT32"), None, False),
        (constant("first", [-3, -3], "INT8"), -3, True),
        (constant("first", [0, 0], "INT8"), -3, False),
        (value("first"), None, False),
    ],
)
def test_first_states(first: Tensor, zero_point: int | None, taken: bool) -> None:
    """Zero is taken, in integers the zero point of what is read; a computed start is not."""
    demand = first_states_zero(AT, "not zero")
    found = refused(demand, counting(first, zero_point))
    assert found == ([] if taken else [("ASSIGN_VARIABLE", "total")])


def test_a_later_assignment_is_no_first_state() -> None:
    """Only the graph of CALL_ONCE sets first states, and it is looked at once."""
    model = counting(constant("first", [1.0], "FLOAT32"))
    model.main.ops.append(model.main.ops[0])
    own = model.main.ops[1].outputs[0]
    model.main.ops.append(Op("ASSIGN_VARIABLE", [own, constant("c", [5.0], "FLOAT32")], []))
    assert len(refused(first_states_zero(AT, "not zero"), model)) == 1


def test_zeros() -> None:
    """A constant of zeros, or of its own zero point; nothing computed."""
    tensor = constant("c", [3, 3], "INT8")
    assert not is_zero(tensor)
    tensor.quantization = Quantization((0.5,), (3,))
    assert is_zero(tensor)
    tensor.quantization = Quantization()
    assert not is_zero(tensor)
    assert is_zero(Tensor.constant("z", np.zeros((2, 2), np.float32)))
    assert not is_zero(value())
    assert not is_zero(None)
