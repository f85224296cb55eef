"""The function behind an annotation, run in TensorFlow on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnlite_pipeline.composites.call import Array
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import NUMPY, Op, Tensor
from rnnlite_pipeline.toolchain import load


class Body:
    """A function of a library, on the constants of one call.

    It runs in a session, which works whether the source's own module left eager execution on or
    not.

    Args:
        name: The function's.
        library: The FunctionDefLibrary it is in, with all that it calls.
        op: The call, with the shapes of its operands and the values of constant ones.

    Attributes:
        operands: The call's operands.

    Raises:
        NotConvertible: The rank of an operand is unknown.
    """

    def __init__(self, name: str, library: Any, op: Op) -> None:
        tf = load("tensorflow")
        self.operands = _ranked(op)
        dtypes = [tf.as_dtype(NUMPY[t.dtype]).as_datatype_enum for t in self.operands]
        signature = next(f.signature for f in library.function if f.signature.name == name)
        graph_def = tf.compat.v1.GraphDef(library=library)
        self._feeds = [f"operand_{k}" for k in range(len(dtypes))]
        for feed, dtype in zip(self._feeds, dtypes, strict=True):
            graph_def.node.add(name=feed, op="Placeholder").attr["dtype"].type = dtype
        node = graph_def.node.add(name="call", op="PartitionedCall", input=self._feeds)
        node.attr["f"].func.name = name
        node.attr["Tin"].list.type.extend(dtypes)
        node.attr["Tout"].list.type.extend(a.type for a in signature.output_arg)
        self._fetches = [f"call:{k}" for k in range(len(signature.output_arg))]
        graph = tf.Graph()
        with graph.as_default():
            tf.graph_util.import_graph_def(graph_def, name="")
        self._session = tf.compat.v1.Session(graph=graph)

    def __call__(self, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """What the function returns for operands; those of constants are None.

        Raises:
            Exception: Whatever TensorFlow raises for shapes that contradict each other.
        """
        given = [t.array if v is None else v for t, v in zip(self.operands, values, strict=True)]
        feeds = {f"{feed}:0": v for feed, v in zip(self._feeds, given, strict=True)}
        return tuple(self._session.run(self._fetches, feeds))


def _ranked(op: Op) -> list[Tensor]:
    operands = [t for t in op.inputs if t is not None]
    for tensor in operands:
        if tensor.shape is None or tensor.dtype not in NUMPY:
            raise NotConvertible(
                f"The rank of {tensor.name}, an operand of an annotated function, is unknown.",
                "Give the argument a shape: tf.ensure_shape(value, [None, 8]).",
            )
    return operands
