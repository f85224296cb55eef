"""The nodes of a graph or of a function, as a rewrite reads them and adds to them.

What a node's input is called: in a graph "node" or "node:1", in a function "node:output:1" after
the op's own name for its output, or an argument's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rnnlite_pipeline.sources.graphdef.loop_shapes import with_loop_shapes
from rnnlite_pipeline.toolchain import load

#: Ops that give a function their operands.
_CALLING = frozenset(
    {"PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile"}
    | {"If", "StatelessIf", "Case", "StatelessCase"}
)

Kind = TypeVar("Kind", bound="Nodes")


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

    def calls(self) -> Iterator[tuple[str, list[Any] | None]]:
        """Each function that is called, and the shapes that it is given; None where not known."""
        for node in self.nodes:
            for name in _called(node):
                shapes = [self.tensor(each).shape for each in self.operands(node)]
                if node.op in ("While", "StatelessWhile"):
                    declared = node.attr["output_shapes"].list.shape
                    shapes = [load("tensorflow").TensorShape(each) for each in declared]
                elif node.op in ("If", "StatelessIf", "Case", "StatelessCase"):
                    shapes = shapes[1:]
                known = bool(shapes) and (node.op in _CALLING)
                yield name, shapes if known else None

    def _beside(self, name: str) -> str:
        """The imaginary part's name, where it is a second node of the same op."""
        owner, colon, output = name.partition(":")
        return f"{owner}/imaginary_part{colon}{output}"

    def placed(self, prefix: str, traced: Any, given: Sequence[str]) -> list[str]:
        """The nodes of a traced function among those of the scope; its results.

        A call would be inlined by the converter, but not inside a loop of control flow v1. A
        constant waits for an operand: so it is in the frame of such a loop.
        """
        if self._body is None:
            added = traced.graph.as_graph_def().node
            arguments = [t.op.name for t in traced.inputs]
            results = [port(t.op.name, t.value_index) for t in traced.outputs]
        else:
            added = traced.function_def.node_def
            arguments = [arg.name for arg in traced.function_def.signature.input_arg]
            outputs = [arg.name for arg in traced.function_def.signature.output_arg]
            results = [traced.function_def.ret[name] for name in outputs]
        taken, prefix = dict(zip(arguments, given, strict=True)), self._free(prefix)

        def placed(name: str) -> str:
            wait = "^" * name.startswith("^")
            return taken.get(name) or f"{wait}{prefix}/{name.removeprefix('^')}"

        for each in added:
            if each.name in taken:
                continue
            node = self.nodes.add()
            node.CopyFrom(each)
            node.name = f"{prefix}/{each.name}"
            node.input[:] = [*map(placed, each.input), *self._control]
            if self._body is None and not each.input:
                node.input.append(f"^{owner(given[0])}")
        return [placed(name) for name in results]

    def becomes_identity(self, node: Any, of: str, dtype: Any) -> str:
        """Makes a node of one result the name of what stands for it; what inputs call it then."""
        waits = [name for name in node.input if name.startswith("^")]
        node.op = "Identity"
        node.attr.clear()
        node.attr["T"].type = dtype.as_datatype_enum
        node.input[:] = [of, *waits]
        return self._first(node)

    def read_under(self, new: Mapping[str, str]) -> None:
        """Lets everything read results under new names."""
        for node in self.nodes:
            node.input[:] = [new.get(name, name) for name in node.input]
        for key, name in list(self._body.ret.items() if self._body is not None else ()):
            self._body.ret[key] = new.get(name, name)

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


def scopes_of(kind: type[Kind], function: Any, definition: Any) -> list[Kind]:
    """The main graph of a concrete function, and each function of its library.

    A function's arguments have the shapes that all its calls have in common.

    Args:
        kind: What reads them.
        function: The concrete function.
        definition: Its GraphDef, which is what changes.
    """
    to_graph = load("tensorflow.python.framework.function_def_to_graph")
    scopes = [kind(definition.node, with_loop_shapes(function.graph, definition))]
    waiting = {each.signature.name: each for each in definition.library.function}
    given: dict[str, list[Any] | None] = {}
    done = 0
    with function.graph.as_default():
        while waiting or done < len(scopes):
            for scope in scopes[done:]:
                for name, shapes in scope.calls():
                    given[name] = _in_common(given[name], shapes) if name in given else shapes
            done = len(scopes)
            called = {
                n for each in waiting.values() for node in each.node_def for n in _called(node)
            }
            ready = [name for name in waiting if name not in called] or list(waiting)
            for each in map(waiting.pop, ready):
                _, flat = to_graph.function_def_to_graph_def(each)
                known = given.get(each.signature.name)
                graph = to_graph.function_def_to_graph(each, input_shapes=known)
                scopes.append(kind(each.node_def, graph, each, flat))
    return scopes


def _called(node: Any) -> list[str]:
    """The functions that an op calls."""
    functions = [
        each
        for value in node.attr.values()
        for each in ([value.func] if value.WhichOneof("value") == "func" else value.list.func)
    ]
    return [each.name for each in functions]


def _in_common(some: list[Any] | None, others: list[Any] | None) -> list[Any] | None:
    if some is None or others is None or len(some) != len(others):
        return None
    both = zip(some, others, strict=True)
    return [one.most_specific_compatible_shape(other) for one, other in both]


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
