"""Shapes of PACKed dimensions become shapes that are known before the model runs."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.passes.early_shapes import early_shapes
from rnnlite_pipeline.shapes.late import late_ops
from tests.passes.sequences import Graph, changed_alike


def reshaped(batch_index: int) -> Model:
    """x [B, T, 3] in the shape [B, -1], as Keras' Reshape says it."""
    graph = Graph()
    places = map(graph.indices, ([batch_index], [batch_index + 1], [1]))
    batch = graph.op(
        "STRIDED_SLICE", [graph.shape(graph.x), *places], "INT32", (), shrink_axis_mask=1
    )
    dims = graph.op("PACK", [batch, graph.indices(-1)], "INT32", (2,), values_count=2)
    return graph.model(graph.op("RESHAPE", [graph.x, dims], "FLOAT32", (OPEN, OPEN)))


@pytest.mark.parametrize("batch_index", [0, -3, -1])
def test_pack_of_dimensions_becomes_a_concatenation(batch_index: int) -> None:
    """The same shape comes out, and no size is known at run time only any more."""
    model = reshaped(batch_index)
    left = changed_alike(model, early_shapes)
    assert (left["PACK"], left["CONCATENATION"]) == (0, 1)
    assert not late_ops(model.main)


def test_product_of_dimensions_is_known_early() -> None:
    """As Keras' Dense over a sequence says it: the first dimensions joined by REDUCE_PROD."""
    graph = Graph()
    sizes = graph.gather(graph.shape(graph.x), graph.indices([0, 1]))
    rows = graph.op("REDUCE_PROD", [sizes, graph.indices([0])], "INT32", ())
    dims = graph.op("PACK", [rows, graph.indices(3)], "INT32", (2,), values_count=2)
    model = graph.model(graph.op("RESHAPE", [graph.x, dims], "FLOAT32", (OPEN, 3)))
    assert changed_alike(model, early_shapes)["PACK"] == 0
    assert not late_ops(model.main)


def test_a_scalar_has_no_operand_for_its_shape() -> None:
    """What is counted by a RESHAPE to a scalar is known before the model runs."""
    graph = Graph()
    empty = graph.constant("empty", np.zeros(0, np.int32))
    steps = graph.op("RESHAPE", [graph.dimension(graph.x, 1), empty], "INT32", (), new_shape=[])
    ends = [graph.indices(0), steps, graph.indices(1)]
    model = graph.model(graph.op("RANGE", ends, "INT32", (OPEN,)))
    assert late_ops(model.main)
    changed_alike(model, early_shapes)
    assert not late_ops(model.main)


def test_pack_of_computed_scalars_stays() -> None:
    """A product of dimensions is no element of a vector; its PACK is left alone."""
    graph = Graph()
    places = map(graph.indices, ([0], [1], [1]))
    batch = graph.op(
        "STRIDED_SLICE", [graph.shape(graph.x), *places], "INT32", (), shrink_axis_mask=1
    )
    twice = graph.binary("MUL", batch, Tensor.constant("one", np.asarray(1, np.int32)))
    dims = graph.op("PACK", [twice, graph.indices(-1)], "INT32", (2,), values_count=2)
    model = graph.model(graph.op("RESHAPE", [graph.x, dims], "FLOAT32", (OPEN, OPEN)))
    assert not early_shapes(model)
