"""Sizes that are measured twice are measured once; real numbers are left alone."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import OPEN
from rnnlite_pipeline.passes.share_sizes import share_sizes
from tests.passes.golden_models import measured_twice
from tests.passes.sequences import Graph, changed_alike


def test_equal_sizes_are_measured_once() -> None:
    """Of two SHAPEs of one input, and what is taken of them, one stays; both FILLs do."""
    left = changed_alike(measured_twice(), share_sizes)
    assert (left["SHAPE"], left["CONCATENATION"], left["FILL"]) == (1, 1, 2)


def test_outputs_and_real_numbers_stay_apart() -> None:
    """Equal ops are kept where they make real numbers, or what the graph returns."""
    graph = Graph()
    real = [graph.unary("TANH", graph.x) for _ in range(2)]
    sizes = [graph.shape(graph.x) for _ in range(2)]
    model = graph.model(*real, *sizes)
    assert not share_sizes(model)


def test_other_options_are_another_op() -> None:
    """Two sums of one vector that differ in an option are two sums."""
    graph = Graph()
    size = graph.shape(graph.x)
    sums = [
        graph.op("REDUCE_PROD", [size, graph.indices([0])], "INT32", shape, keep_dims=bool(shape))
        for shape in ((1,), ())
    ]
    ends = [graph.reshape(total, [1]) for total in sums]
    dims = graph.concatenate([*ends, graph.indices([1])], 0)
    model = graph.model(graph.op("RESHAPE", [graph.x, dims], "FLOAT32", (OPEN, OPEN, OPEN)))
    share_sizes(model)
    assert sum(op.code == "REDUCE_PROD" for op in model.main.ops) == 2
