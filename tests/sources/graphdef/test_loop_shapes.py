"""Shapes inside loops of control flow v1."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.sources.graphdef.loop_shapes import with_loop_shapes
from rnnlite_pipeline.toolchain import load
from tests.random_models.tf1_models import graph_of


def test_a_state_that_keeps_its_shape_has_one() -> None:
    """One that grows in each turn has none, nor has what depends on it."""
    tf: Any = load("tensorflow")
    v1 = tf.compat.v1
    with graph_of(version=1) as built:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        shapes = [tf.TensorShape([]), tf.TensorShape([None, 3]), tf.TensorShape([None, None])]
        v1.while_loop(
            lambda t, *_: t < 3,
            lambda t, h, g: [t + 1, tf.tanh(h, "kept"), tf.concat([g, h], 1, "grown")],
            [tf.constant(0), x, x],
            shape_invariants=shapes,
        )
    definition = built.as_graph_def()
    with tf.Graph().as_default() as imported:
        tf.graph_util.import_graph_def(definition, name="")
    found = with_loop_shapes(imported, definition)
    assert imported.get_tensor_by_name("while/kept:0").shape.rank is None
    assert found.get_tensor_by_name("while/kept:0").shape.as_list() == [None, 3]
    grown = found.get_tensor_by_name("while/grown:0").shape
    assert grown.rank is None or grown.as_list() == [None, None]
