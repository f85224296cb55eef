"""Ops of one lowered recurrence."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.emit import Emitter


def test_a_weight_is_float32_whatever_it_comes_in() -> None:
    """None stays None."""
    emit = Emitter("layer")
    weight = emit.weight("kernel", np.ones(2))
    assert weight is not None
    assert (weight.name, weight.dtype) == ("layer/kernel", "FLOAT32")
    assert emit.weight("bias", None) is None


def test_the_last_op_produces_a_tensor_that_is_there() -> None:
    """What it would have produced is gone; the op before keeps its own."""
    emit, out = Emitter("layer"), Tensor("y", "FLOAT32", (2,))
    first = emit.unary("TANH", Tensor("x", "FLOAT32", (2,)))
    emit.unary("NEG", first)
    assert emit.into(out) is out
    assert [op.outputs for op in emit.ops] == [[first], [out]]


def test_columns_from_a_place_on() -> None:
    """Up to the last one."""
    emit = Emitter("layer")
    assert emit.columns(Tensor("x", "FLOAT32", (2, 5)), 3).shape == (2, 2)
    assert emit.step(Tensor("y", "FLOAT32", (4, 2, 3)), 0, -1).shape == (2, 3)
