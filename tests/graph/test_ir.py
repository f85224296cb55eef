"""The graph as plain objects: constants, and copies that share what never changes."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Quantization, Subgraph, Tensor


@pytest.mark.parametrize("dtype", list(NUMPY))
def test_a_constant_holds_its_numbers(dtype: str) -> None:
    """Of every dtype, little-endian, whatever the array's own order."""
    values = np.array([[0, 1], [1, 0]]).astype(NUMPY[dtype])
    for given in (values, values.astype(values.dtype.newbyteorder(">")), values.T):
        constant = Tensor.constant("c", given)
        assert (constant.dtype, constant.shape) == (dtype, (2, 2))
        assert constant.array is not None
        assert constant.array.dtype == NUMPY[dtype]
        np.testing.assert_array_equal(constant.array, given)


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("t", "FLOAT32", (1,)),
        Tensor("t", "FLOAT32", None, b"\0\0\0\0"),
        Tensor("t", "STRING", (1,), b"\0\0\0\0"),
    ],
)
def test_what_has_no_array(tensor: Tensor) -> None:
    """What is computed, what has no rank, and what is no number."""
    assert tensor.array is None


def test_a_constant_is_read_only() -> None:
    """Its bytes are shared by copies of the graph."""
    array = Tensor.constant("c", np.zeros(2, np.float32)).array
    assert array is not None
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def loop() -> Model:
    """A loop whose body reads a constant."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (2,), quantization=Quantization((0.5,)))
    weights = build.constant("w", np.ones(2, np.float32))
    y = build.binary("ADD", x, weights)
    y.extra["kept"] = [1]
    body = Subgraph("body", [x], [y], build.ops)
    outer = Tensor("z", "FLOAT32", (2,))
    ways = {"body_subgraph": body, "list": [1], "frozen": Quantization()}
    op = Op("WHILE", [x, None], [outer], ways, "WhileOptions", 3, intermediates=[y])
    return Model([Subgraph("main", [x], [outer], [op]), body], description="d")


def test_a_copy_is_another_graph() -> None:
    """Its tensors, ops and lists are its own, and stand in the same places."""
    old = loop()
    new = copy.deepcopy(old)
    (op,), (was,) = new.main.ops, old.main.ops
    assert op.options["body_subgraph"] is new.subgraphs[1]
    assert op.inputs == [new.main.inputs[0], None]
    assert new.main.inputs[0] is new.subgraphs[1].inputs[0]
    assert op.intermediates[0] is new.subgraphs[1].outputs[0]
    assert (op.code, op.options_type, op.version) == ("WHILE", "WhileOptions", 3)
    op.options["list"].append(2)
    new.subgraphs[1].outputs[0].extra["kept"].append(2)
    assert was.options["list"] == [1]
    assert old.subgraphs[1].outputs[0].extra["kept"] == [1]
    mine = {id(t) for o in new.ops() for t in (*o.inputs, *o.outputs) if t is not None}
    theirs = {id(t) for o in old.ops() for t in (*o.inputs, *o.outputs) if t is not None}
    assert not mine & theirs


def test_a_copy_shares_what_never_changes() -> None:
    """The bytes of constants, quantization, and other options."""
    old = loop()
    new = copy.deepcopy(old)
    weights, copied = (m.subgraphs[1].ops[0].inputs[1] for m in (old, new))
    assert weights is not None
    assert copied is not None
    assert copied is not weights
    assert copied.data is weights.data
    assert new.main.inputs[0].quantization is old.main.inputs[0].quantization
    assert new.main.ops[0].options["frozen"] is old.main.ops[0].options["frozen"]


def test_the_ops_of_all_graphs() -> None:
    """The main graph's first."""
    assert [op.code for op in loop().ops()] == ["WHILE", "ADD"]
