"""Reading an op: integers, constants, rules, and what has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.symbolic import operations
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Index,
    Indices,
    PerRow,
    Rows,
    Sequence,
    TensorList,
    Unknown,
    Value,
)
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear
from tests.recognise.tensors import row, shown, tensor

NOTHING = Extents(Subgraph("g"))
X = row("x", 3)
ONE = Const(np.array(1.0, np.float32))


def read(op: Op, *values: Value) -> tuple[Value, ...]:
    """An op of a graph whose integers are not known."""
    return operations.read(op, list(values), NOTHING)


def op(code: str, operands: int = 2, dtype: str = "FLOAT32", **options: Any) -> Op:
    """An op of rows [2, 3]."""
    return make_op(code, [tensor(2, 3, dtype=dtype)] * operands, [tensor(2, 3, dtype=dtype)],
                   **options)  # fmt: skip


def test_constants_are_folded() -> None:
    """What only constants go into is a constant, of the same dtype."""
    (found,) = read(op("SUB"), Const(np.ones((1, 3), np.float32) * 2), ONE)
    assert isinstance(found, Const)
    assert found.array.tolist() == [[1, 1, 1]]
    assert found.array.dtype == np.float32


def test_a_quotient_of_integers_is_one() -> None:
    """DIV of integers cuts the fraction off, as the kernel does."""
    seven, two = Const(np.array([[7, -7, 6]], np.int32)), Const(np.array([[2]], np.int32))
    (found,) = read(op("DIV", dtype="INT32"), seven, two)
    assert isinstance(found, Const)
    assert found.array.tolist() == [[3, -3, 3]]
    assert found.array.dtype == np.int32
    (half,) = read(op("DIV"), Const(np.array([[7.0]])), Const(np.array([[2.0]])))
    assert isinstance(half, Const)
    assert half.array.tolist() == [[3.5]]


def test_a_fused_activation_is_not_lost() -> None:
    """Constants under a fused activation go through the op's rule."""
    fused = op("ADD", fused_activation_function="RELU")
    (found,) = read(fused, Const(np.array([[-3.0, 1.0]])), Const(np.array([[1.0, 1.0]])))
    assert isinstance(found, Rows)
    assert found.form.bias.tolist() == [0.0, 2.0]


def test_what_is_unknown_stays_unknown_for_the_same_reason() -> None:
    """An unknown operand is passed on to every output."""
    reason = Unknown("it reads w, which is quantized")
    split = make_op("SPLIT", [tensor(), tensor(2, 4)], [tensor(2, 2)] * 2, num_splits=2)
    assert read(split, Const(np.array(1)), reason) == (reason, reason)


def test_an_op_without_a_rule_is_named() -> None:
    """The user is told which op it is; a rule that refuses says why."""
    (found,) = read(op("CUMSUM"), X, Const(np.array(1)))
    assert found == Unknown("the op CUMSUM in its step is not part of a known cell")
    (refused,) = read(op("TRANSPOSE"), X, Const(np.array([1, 0])))
    assert refused == Unknown("its step transposes a value")
    (random,) = read(op("RANDOM_UNIFORM", 1), Const(np.array([2, 3])))
    assert isinstance(random, Unknown)
    assert "dropout" in random.reason


def test_a_sequence_is_its_row_to_all_but_slices() -> None:
    """TANH of what a loop holds is the function of its row."""
    held = Sequence(1, tensor(2, 3), forms.symbol("k1", 3))
    assert shown(read(op("TANH", 1), held)[0]) == "tanh(k1)"


def test_a_write_to_a_list() -> None:
    """The position and the item are added to the writes before; other writes are refused."""
    item, listed = tensor(2, 3), Tensor("l", "VARIANT", ())
    write = Op(
        "FlexTensorListSetItem", [listed, tensor(dtype="INT32"), item], [listed], custom=True
    )
    place = Index(Linear.symbol("v0"))
    (once,) = read(write, TensorList(2), place, X)
    assert isinstance(once, TensorList)
    assert once.variable == 2
    assert once.writes == ((place.linear, item),)
    (twice,) = read(write, once, place, X)
    assert isinstance(twice, TensorList)
    assert len(twice.writes) == 2
    assert isinstance(read(write, X, place, X)[0], Unknown)


def graph() -> tuple[Builder, Tensor, Extents]:
    """The shape of x [B, 4] and of its parts."""
    build, x = Builder("g"), tensor(OPEN, 4)
    shape = build.shape(x)
    batch, width = build.step(shape, 0, 0), build.step(shape, 0, 1)
    graph = Subgraph("g", [x], [shape, batch, width], build.ops)
    return build, x, Extents(graph)


def test_integers_of_shapes() -> None:
    """A vector with an open element, a scalar that is open, and one that is known."""
    build, x, extents = graph()
    shape, batch, width = (o.outputs[0] for o in build.ops)
    open_one = extents.dimension(x, 0)
    assert operations.integers(shape, extents) == Indices((open_one, Linear(4)))
    assert operations.integers(batch, extents) == Index(open_one)
    four = operations.integers(width, extents)
    assert isinstance(four, Const)
    assert four.array.shape == ()
    assert int(four.array) == 4
    assert operations.integers(x, extents) is None


def test_known_integers_need_no_rule() -> None:
    """SHAPE has no rule, and is read."""
    build, _, extents = graph()
    assert isinstance(operations.read(build.ops[0], [X], extents)[0], Indices)


@pytest.mark.parametrize("code", ["LOGISTIC", "TANH", "EXP", "RELU"])
def test_functions_are_read_by_their_names(code: str) -> None:
    """An elementwise op is the function of its name."""
    names = {"LOGISTIC": "sigmoid"}
    assert shown(read(op(code, 1), X)[0]) == f"{names.get(code, code.lower())}(x)"


def test_a_select_of_one_number_each_stays_one_number_each() -> None:
    """PerRow values go through SELECT_V2 as such."""
    each = PerRow(forms.symbol("k1", 1))
    (found,) = read(op("SELECT_V2", 3), each, each, Const(np.array(0.0)))
    assert isinstance(found, PerRow)
