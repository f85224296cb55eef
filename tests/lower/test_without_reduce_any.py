"""REDUCE_ANY by ops that a small runtime has."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.without_reduce_any import without_reduce_any
from rnnlite_pipeline.runtimes.interpreter import Runner


def model(*, keep: bool) -> Model:
    """Whether any of each row is true."""
    build, x = Builder("g"), Tensor("x", "BOOL", (3, 2))
    y = build.op("REDUCE_ANY", [x, build.indices([1])], "BOOL", (3, 1) if keep else (3,),
                 keep_dims=keep)  # fmt: skip
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("main", main, {"x": x}, {"y": y})])


@pytest.mark.parametrize("keep", [True, False])
def test_any_is_not_all_not(keep: bool) -> None:
    """The same truths, of the same shape, without the op."""
    graph, x = model(keep=keep), np.array([[True, False], [False, False], [True, True]])
    expected = x.any(1, keepdims=keep)
    np.testing.assert_array_equal(Runner(write_model(graph)).run({"x": x})["y"], expected)
    assert without_reduce_any(graph, lambda code: code != "REDUCE_ANY")
    assert [op.code for op in graph.ops()] == ["LOGICAL_NOT", "REDUCE_ALL", "LOGICAL_NOT"]
    np.testing.assert_array_equal(Runner(write_model(graph)).run({"x": x})["y"], expected)
    assert not without_reduce_any(graph, lambda code: code != "REDUCE_ANY")


@pytest.mark.parametrize(
    "lacks", [set(), {"REDUCE_ANY", "REDUCE_ALL"}, {"REDUCE_ANY", "LOGICAL_NOT"}]
)
def test_where_it_would_not_help_nothing_changes(lacks: set[str]) -> None:
    """The targets have the op, or lack those in its place as well."""
    graph = model(keep=True)
    assert not without_reduce_any(graph, lambda code: code not in lacks)
    assert [op.code for op in graph.ops()] == ["REDUCE_ANY"]
