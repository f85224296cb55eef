"""The nodes of a graph or of a function, as a rewrite reads them and adds to them.

What a node's input is called: in a graph "node" or "node:1", in a function "node:output:1" after
the op's own name for its output, or an argument's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnlite_pipeline.toolchain import load


class Nodes:
    """The nodes of the main graph or of a function.

    Args:
        nodes: The nodes; changed in place.
        graph: The same as a graph, for dtypes and shapes.
        body: The function, of which `nodes` are a part.
        flat: A function's names of inputs as the graph has them.
    """

    def __init__(self, nodes: Any, graph: Any, body: Any = None, flat: Any = None) -> None:
        self.nodes, self._graph = nodes, graph
        self._body, self._flat = body, flat or {}
        self._taken = {node.name for node in nodes}
        self._control: list[str] = []  # what new nodes wait for

    def tensor(self, name: str) -> Any:
        """The tensor that an input names, as it was."""
        name = self._flat.get(name, name)
        return self._graph.get_tensor_by_name(name if ":" in name else f"{name}:0")

    def operands(self, node: Any) -> list[str]:
        """A node's inputs but those that it only waits for."""
        return [name for name in node.input if not name.startswith("^")]

    def results(self, node: Any) -> list[str]:
        """What inputs name the results of a node."""
        op = self._graph.get_operation_by_name(node.name)
        if self._body is None:
            return [port(node.name, k) for k in range(len(op.outputs))]
        return [
            f"{node.name}:{arg.name}:{k}"
            for arg in op.op_def.output_arg
            for k in range(_count(arg, op))
        ]

    def _beside(self, name: str) -> str:
        """The imaginary part's name, where it is a second node of the same op."""
        owner, colon, output = name.partition(":")
        return f"{owner}/imaginary_part{colon}{output}"

    def _new(self, name: str, op: str, operands: Sequence[str], **attributes: Any) -> str:
        """Adds a node, and gives the name of its first result."""
        node = self.nodes.add(name=self._free(name), op=op)
        node.input.extend([*operands, *self._control])
        for key, value in attributes.items():
            if isinstance(value, int):
                node.attr[key].i = value
            else:
                node.attr[key].type = load("tensorflow").as_dtype(value).as_datatype_enum
        return self._first(node)

    def _array(self, name: str, value: Any, near: str | None = None) -> str:
        """A constant; `near`, a tensor of the frame that it is read in."""
        node = self.nodes.add(name=name, op="Const")
        self._taken.add(name)
        set_array(node, value)
        node.input.extend(self._control if near is None else [f"^{owner(near)}"])
        return self._first(node)

    def _first(self, node: Any) -> str:
        if self._body is None:
            return str(node.name)
        registry = load("tensorflow.python.framework.op_def_registry")
        return f"{node.name}:{registry.get(node.op).output_arg[0].name}:0"

    def _output(self, name: str, place: int) -> str:
        """A result of an op that calls its results "output"."""
        return port(name, place) if self._body is None else f"{name}:output:{place}"

    def _free(self, name: str) -> str:
        candidate, count = name, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate

    def _in_order(self) -> list[Any]:
        """The nodes, each after what it reads, but for what comes from the turn before."""
        nodes = {node.name: node for node in self.nodes}
        waits = {
            name: {o for o in map(owner, node.input) if o in nodes and not _turns(nodes[o])}
            for name, node in nodes.items()
        }
        readers: dict[str, list[str]] = {name: [] for name in nodes}
        for name, owners in waits.items():
            for read in owners:
                readers[read].append(name)
        ready = [name for name, owners in waits.items() if not owners]
        order = []
        while ready:
            name = ready.pop()
            order.append(nodes[name])
            for reader in readers[name]:
                waits[reader].discard(name)
                if not waits[reader]:
                    ready.append(reader)
        assert len(order) == len(nodes), "the graph has a cycle"
        return order


def _turns(node: Any) -> bool:
    return bool(node.op == "NextIteration")


def owner(name: str) -> str:
    """The node that an input's name is about."""
    return name.removeprefix("^").partition(":")[0]


def port(name: str, place: int) -> str:
    """An output of a node of the main graph, as inputs name it."""
    return f"{name}:{place}" if place else name


def _count(arg: Any, op: Any) -> int:
    """How many results an output of an op stands for."""
    if arg.number_attr:
        return int(op.get_attr(arg.number_attr))
    return len(op.get_attr(arg.type_list_attr)) if arg.type_list_attr else 1


def set_array(node: Any, value: Any) -> None:
    """Makes a constant of a node."""
    proto = load("tensorflow").make_tensor_proto(value)
    node.attr.clear()
    node.attr["dtype"].type = proto.dtype
    node.attr["value"].tensor.CopyFrom(proto)
