"""A model with every matrix made smaller."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.compare.tamed import tamed
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor


def test_matrices_of_products_are_scaled_once_and_nothing_else_is() -> None:
    """A matrix of two products is scaled once; biases, other constants and the model stay."""
    build, x = Builder("g"), Tensor("x", "FLOAT32", (1, 2))
    matrix = build.constant("w", np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    bias = build.constant("b", np.array([5.0, 6.0], np.float32))
    added = build.constant("a", np.array([[7.0, 8.0]], np.float32))
    once = build.op("FULLY_CONNECTED", [x, matrix, bias], "FLOAT32", (1, 2))
    twice = build.op("FULLY_CONNECTED", [once, matrix, bias], "FLOAT32", (1, 2))
    y = build.binary("ADD", twice, added)
    model = Model([Subgraph("main", [x], [y], build.ops)])

    first, second, last = tamed(model, 0.5).main.ops
    arrays = [None if t is None else t.array for t in (*first.inputs[1:], last.inputs[1])]
    np.testing.assert_array_equal(arrays[0], [[0.5, 1.0], [1.5, 2.0]])
    np.testing.assert_array_equal(arrays[1], [5.0, 6.0])
    np.testing.assert_array_equal(arrays[2], [[7.0, 8.0]])
    assert second.inputs[1] is first.inputs[1]
    np.testing.assert_array_equal(matrix.array, [[1.0, 2.0], [3.0, 4.0]])
