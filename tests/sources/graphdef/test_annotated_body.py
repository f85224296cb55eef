"""The function behind an annotation is run on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.sources.graphdef.annotated_body import Body
from rnnlite_pipeline.toolchain import load


def library() -> tuple[str, Any]:
    """A function of x, w and n, which calls another one; its name, and all functions."""
    tf = load("tensorflow")

    inner = tf.function(lambda x, w: x @ w)
    outer = tf.function(lambda x, w, n: (inner(x, w) * tf.cast(n, tf.float32), n + 1))
    specs = [tf.TensorSpec([None, 2]), tf.TensorSpec([2, 3]), tf.TensorSpec([], tf.int32)]
    caller = tf.function(lambda *given: [*outer(*given)], input_signature=specs)
    definition = caller.get_concrete_function().graph.as_graph_def()
    (call,) = [node for node in definition.node if "PartitionedCall" in node.op]
    return call.attr["f"].func.name, definition.library


W = np.arange(6, dtype=np.float32).reshape(2, 3)


def operands() -> list[Tensor]:
    """x is given, w is a constant of the call, and n is given."""
    x, n = Tensor("x", "FLOAT32", (OPEN, 2)), Tensor("n", "INT32", ())
    return [x, Tensor.constant("w", W), n]


def test_it_runs_on_what_it_is_given_and_on_constants() -> None:
    """Any batch; a constant is its own, and each result comes in its place and dtype."""
    body = Body(*library(), Op("call", [*operands()], []))
    assert [t.name for t in body.operands] == ["x", "w", "n"]
    for batch in (1, 5):
        x = np.ones((batch, 2), np.float32)
        y, more = body([x, None, np.array(2, np.int32)])
        np.testing.assert_array_equal(y, 2 * x @ W)
        assert (int(more), more.dtype.name) == (3, "int32")


def test_operands_that_do_not_fit() -> None:
    """TensorFlow's own error, which the caller expects."""
    body = Body(*library(), Op("call", [*operands()], []))
    with pytest.raises(Exception, match=r"[Mm]atrix size-incompatible|Incompatible shapes"):
        body([np.ones((1, 4), np.float32), None, np.array(2, np.int32)])


@pytest.mark.parametrize("wrong", [Tensor("x", "FLOAT32", None), Tensor("x", "STRING", (1,))])
def test_an_operand_that_cannot_be_drawn(wrong: Tensor) -> None:
    """It is named, with what would make its rank known."""
    name, functions = library()
    with pytest.raises(NotConvertible, match=r"rank of x, an operand.*\n.*tf.ensure_shape"):
        Body(name, functions, Op("call", [wrong, *operands()[1:]], []))
