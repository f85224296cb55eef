"""Large weights that do not pass through TensorFlow's converter.

Each step from a function with variables to a .tflite file copies every constant: the frozen
GraphDef, the function made of it, the converter's own freezing, its protocol buffer, its modules
and its file. For a model of 120 MB that took 3.7 GB, and half a minute.

Rules:
    1. When variables are frozen, a float32 matrix of at least `LARGE` bytes that is only
       multiplied with, or of which rows are picked, becomes an argument of the function, behind
       all others. Its numbers stay outside.
    2. Only multiplied with, or picked from: it is the second operand of a MatMul, or the table of a
       GatherV2, in the main graph or in a loop that hands it on unchanged. The converter makes the
       same of such an operand, constant or not (attached.py). Any other matrix stays a constant.
    3. In the file the argument becomes a constant again (attached.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.toolchain import load

#: Constants of fewer bytes go the usual way: what the converter makes of them is the same, and so
#: are the files of small models, to the byte.
LARGE = 2**20

#: What reads a detached matrix, and as which operand.
_PRODUCTS = {"MatMul": 1, "BatchMatMulV2": 1, "BatchMatMulV3": 1, "GatherV2": 0}

_LOOPS = ("While", "StatelessWhile")


@dataclass(frozen=True)
class Frozen:
    """A function without variables, and the weights that it takes as its last arguments.

    Attributes:
        function: A concrete function; its arguments are the source's, then one for each weight.
        weights: In the order of the arguments.
    """

    function: Any
    weights: list[Array]


def without_variables(function: Any) -> Frozen:
    """Freezes the variables of a concrete function; loops stay."""
    constants = load("tensorflow.python.framework.convert_to_constants")
    data = constants._FunctionConverterDataInEager(function, False, False)
    graph = constants._GraphDef(data.graph_def)
    outside: dict[str, Array] = {}
    for name, value in data.tensor_data.items():
        graph.nodes[name].convert_variable_to_constant(None, value)
        node = graph.nodes[name].converted_self().node
        if _is_matrix(value.numpy) and value.numpy.nbytes >= LARGE:
            outside[name] = value.numpy
            _become_argument(node)
    definition = graph.converted_self().graph_def
    outside |= _taken_out(definition)
    readers = _Readers(definition, {t.op.name for t in function.outputs})
    return _function(function, data, definition, _only_multiplied(definition, outside, readers))


def _is_matrix(value: Array) -> bool:
    return value.ndim > 1 and value.dtype == np.float32


def _taken_out(definition: Any) -> dict[str, Array]:
    """Makes arguments of the graph's own large constants; what they held, by name."""
    make = load("tensorflow").make_ndarray
    found = {}
    for node in definition.node:
        if node.op == "Const" and len(node.attr["value"].tensor.tensor_content) >= LARGE:
            value = make(node.attr["value"].tensor)
            if _is_matrix(value):
                found[node.name] = value
                _become_argument(node)
    return found


def _become_argument(node: Any) -> None:
    """Makes a Placeholder of a Const."""
    value, dtype = node.attr["value"].tensor, node.attr["dtype"].type
    shape = value.tensor_shape.__class__.FromString(value.tensor_shape.SerializeToString())
    node.op = "Placeholder"
    node.attr.clear()
    node.attr["dtype"].type = dtype
    node.attr["shape"].shape.CopyFrom(shape)


def _only_multiplied(
    definition: Any, outside: Mapping[str, Array], readers: _Readers
) -> dict[str, Array]:
    """Rule 2: the matrices that stay arguments; the others become constants again."""
    kept: dict[str, Array] = {}
    for node in definition.node:
        if node.name in outside:
            if readers.only_multiply(node.name):
                kept[node.name] = outside[node.name]
            else:
                _become_constant(node, outside[node.name])
    return kept


def _become_constant(node: Any, value: Array) -> None:
    dtype = node.attr["dtype"].type
    node.op = "Const"
    node.attr.clear()
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(load("tensorflow").make_tensor_proto(value, dtype))


class _Readers:
    """Who reads what, in a GraphDef and its functions.

    Args:
        definition: The GraphDef.
        returned: The main graph's ops that it returns.
    """

    def __init__(self, definition: Any, returned: Collection[str]) -> None:
        self._returned = returned
        self._functions = {f.signature.name: f for f in definition.library.function}
        self._main = _by_name(definition.node)
        self._inside = {k: _by_name(f.node_def) for k, f in self._functions.items()}

    def only_multiply(self, name: str, function: str = "") -> bool:
        """Whether a value of the main graph, or of a function, is read by products alone.

        Args:
            name: An op of one output, or an argument of the function.
            function: The function's name; empty for the main graph.
        """
        body = self._functions.get(function)
        results = self._returned if body is None else map(_owner, body.ret.values())
        if name in results:
            return False
        readers = (self._inside[function] if function else self._main)[name]
        return all(self._is_product(node, place, function) for node, place in readers)

    def _is_product(self, node: Any, place: int, function: str) -> bool:
        if node.op in ("Identity", "Enter"):
            return self.only_multiply(node.name, function)
        if node.op in _LOOPS:
            return self._is_handed_on(node, place, function)
        return _PRODUCTS.get(node.op) == place

    def _is_handed_on(self, node: Any, place: int, function: str) -> bool:
        """Whether a loop only multiplies with its operand at a place, and hands it on."""
        readers = (self._inside[function] if function else self._main)[node.name]
        if any(_port(each.input[k]) == place for each, k in readers):
            return False
        body, cond = (node.attr[key].func.name for key in ("body", "cond"))
        if self._returns(node.name, place, function):
            return False
        signature = self._functions[body].signature
        own, result = signature.input_arg[place].name, signature.output_arg[place].name
        aliases = set(self._aliases(own, body))
        if _owner(self._functions[body].ret[result]) not in aliases:
            return False
        own_of_cond = self._functions[cond].signature.input_arg[place].name
        return not self._inside[cond][own_of_cond] and all(
            self._is_product(each, k, body)
            for alias in aliases
            for each, k in self._inside[body][alias]
            if each.name not in aliases
        )

    def _returns(self, name: str, place: int, function: str) -> bool:
        """Whether an op's output at a place is a result; of the main graph's, whether any is."""
        if not function:
            return name in self._returned
        return f"{name}:output:{place}" in self._functions[function].ret.values()

    def _aliases(self, name: str, function: str) -> Iterator[str]:
        """A value of a function, and each Identity of it."""
        yield name
        for node, _ in self._inside[function][name]:
            if node.op == "Identity":
                yield from self._aliases(node.name, function)


def _by_name(nodes: Any) -> dict[str, list[tuple[Any, int]]]:
    """The nodes that read each op or argument, each with the place among their inputs."""
    readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for node in nodes:
        for place, read in enumerate(node.input):
            if not read.startswith("^"):
                readers[_owner(read)].append((node, place))
    return readers


def _owner(name: str) -> str:
    return name.partition(":")[0]


def _port(name: str) -> int:
    """The output that an input's name says: "a" to 0, "a:1" and "a:output:1" to 1."""
    last = name.rpartition(":")[2]
    return int(last) if ":" in name and last.isdigit() else 0


def _function(function: Any, data: Any, definition: Any, weights: Mapping[str, Array]) -> Frozen:
    """The frozen function, its arguments those of `function` and then the weights."""
    context = load("tensorflow.python.eager.context").context()
    wrap = load("tensorflow.python.eager.wrap_function")
    converted = {t.index for t in data.tensor_data.values() if t.index is not None}
    gone = {function.graph.internal_captures[k].name for k in converted}
    kept = [tensor for tensor in function.inputs if tensor.name not in gone]
    for each in definition.library.function:
        if context.has_function(each.signature.name):
            context.remove_function(each.signature.name)
    names: Sequence[str] = [*(t.name for t in kept), *(f"{name}:0" for name in weights)]
    new = wrap.function_from_graph_def(definition, names, [t.name for t in function.outputs])
    shapes = [*(t.shape for t in kept), *(w.shape for w in weights.values())]
    for tensor, shape in zip(new.inputs, shapes, strict=True):
        tensor.set_shape(shape)
    return Frozen(new, list(weights.values()))
