"""By what names the parts of a complex tensor are read."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.sources.graphdef.complex_names import Pairs, real_types
from rnnlite_pipeline.toolchain import load


def test_a_complex_tensor_has_the_names_of_its_parts() -> None:
    """A real one has one name; a part that is zero is made where it is asked for."""
    tf: Any = load("tensorflow")
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [2], "x")
        tf.cast(x, tf.complex64, "z")
    definition = graph.as_graph_def()
    pairs = Pairs(definition.node, graph)
    assert [pairs.is_complex(node) for node in definition.node] == [False, True]
    assert [*pairs._pair("x")] == ["x", None]
    pairs._set("z", "x", None)
    zeros = pairs._part(pairs._pair("z"), 1)
    assert [(n.op, list(n.input)) for n in definition.node if n.name == zeros] == [
        ("ZerosLike", ["x"])
    ]


def test_the_dtypes_of_parts() -> None:
    """Two of half the size, or the dtype itself."""
    tf: Any = load("tensorflow")
    complex_type, real = tf.complex64.as_datatype_enum, tf.float32.as_datatype_enum
    assert real_types(complex_type) == [real, real]
    assert real_types(real) == [real]
