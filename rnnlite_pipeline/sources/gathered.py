"""Inputs of a TensorFlow function that pick rows of a table, and how many rows there are.

An input that a Gather reads as indices, straight or through ops that change no value, takes those
of the table. It may be of floats: a Cast makes them whole. Other numbers are out of range, which
TensorFlow refuses and LiteRT reads past the end for.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rnnlite_pipeline.sources.graphdef.graph_edit import nodes_of
from rnnlite_pipeline.toolchain import load

_GATHERS = ("Gather", "GatherV2", "ResourceGather")

#: Ops whose first operand's values are their result's.
_PASSING = frozenset(
    {
        "Cast",
        "ExpandDims",
        "Identity",
        "Reshape",
        "Slice",
        "Squeeze",
        "StopGradient",
        "StridedSlice",
        "Transpose",
    }
)


def rows_read(function: Any) -> dict[int, int]:
    """For each argument that indexes a table, the table's rows; the smallest of several.

    Args:
        function: A concrete function.
    """
    if not any(node.op in _GATHERS for node in nodes_of(function.graph.as_graph_def())):
        return {}
    frozen = load("tensorflow.python.framework.convert_to_constants")
    graph = _Graph(frozen._run_inline_graph_optimization(function, False, False), function)
    found = {
        position: graph.rows(tensor.op.name)
        for position, tensor in enumerate(function.inputs)
        if tensor.dtype != load("tensorflow").resource
    }
    return {position: min(rows) for position, rows in found.items() if rows}


class _Graph:
    """An inlined GraphDef.

    Args:
        definition: The GraphDef.
        function: The function it was made of, for the shapes of its variables.
    """

    def __init__(self, definition: Any, function: Any) -> None:
        self._nodes = {node.name: node for node in definition.node}
        self._readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        for node in definition.node:
            for place, read in enumerate(node.input):
                self._readers[_owner(read)].append((node, place))
        variables = {id(v.handle): v for v in function.graph.variables}
        self._tables = {
            inner.op.name: variables[id(outer)].shape
            for outer, inner in function.graph.captures
            if id(outer) in variables
        }

    def rows(self, name: str) -> list[int]:
        """The rows of every table that an op's values index."""
        found, waiting, seen = list[int](), [name], {name}
        while waiting:
            for node, place in self._readers[waiting.pop()]:
                if node.op in _GATHERS and place == 1:
                    found += self._of_table(node)
                elif node.op in _PASSING and place == 0 and node.name not in seen:
                    seen.add(node.name)
                    waiting.append(node.name)
        return found

    def _of_table(self, gather: Any) -> list[int]:
        """The size of a table along the axis that is gathered, if it is the first."""
        if len(gather.input) > 2 and gather.op == "GatherV2":
            axis = self._constant(gather.input[2])
            if axis is None or axis.any():
                return []
        name = _owner(gather.input[0])
        while name in self._nodes and self._nodes[name].op in ("Identity", "ReadVariableOp"):
            name = _owner(self._nodes[name].input[0])
        shape = self._tables.get(name)
        if shape is not None and shape.rank and shape[0] is not None:
            return [int(shape[0])]
        value = self._constant(name)
        return [len(value)] if value is not None and value.ndim else []

    def _constant(self, name: str) -> Any:
        node = self._nodes.get(_owner(name))
        if node is None or node.op != "Const":
            return None
        return load("tensorflow").make_ndarray(node.attr["value"].tensor)


def _owner(name: str) -> str:
    return name.lstrip("^").partition(":")[0]
