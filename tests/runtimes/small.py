"""Ops and models of a few tensors, as the tests of rules and demands need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Subgraph, Tensor


def value(name: str = "x", dtype: str = "FLOAT32", shape: Sequence[int] | None = (1, 4)) -> Tensor:
    """A tensor that is computed or given."""
    return Tensor(name, dtype, None if shape is None else tuple(shape))


def constant(name: str, values: Any, dtype: str = "INT32") -> Tensor:
    """A constant."""
    return Tensor.constant(name, np.asarray(values, NUMPY[dtype]))


def op_of(
    code: str,
    *inputs: Tensor | None,
    gives: Tensor | None = None,
    custom: bool = False,
    **opts: Any,
) -> Op:
    """An op of one result, y like x where `gives` is not there."""
    return Op(code, [*inputs], [gives or value("y")], opts, custom=custom)


def model_of(*ops: Op, inputs: Sequence[Tensor] = (), others: Sequence[Subgraph] = ()) -> Model:
    """A model whose main graph holds these ops; the results of the last are its outputs."""
    outputs = list(ops[-1].outputs) if ops else []
    return Model([Subgraph("main", list(inputs), outputs, list(ops)), *others])
