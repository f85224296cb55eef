"""The TensorArrays of control flow v1 become lists, as control flow v2 has them.

A graph that TensorFlow 1 wrote keeps what a loop reads and writes in TensorArrays, and their order
in a number, the flow, that passes through the loop. The converter knows lists only.

Rules (tensorflow/python/ops/tensor_array_ops.py has both forms side by side):
    1. The list stands where the flow stood: Enter, Merge, Switch, NextIteration, Exit and Identity
       that carried the flow carry the list.
    2. TensorArrayV3 becomes TensorListReserve; Read and Write become GetItem and SetItem; Size
       becomes Length.
    3. Scatter to 0, 1, 2, ... becomes TensorListFromTensor, and Gather from there TensorListStack,
       where the indices reach the size of this array; of an array that can grow, its size at that
       flow. With other indices they become TensorListScatterIntoExistingList and TensorListGather.
    4. An element's shape is what the array declares, and what all that is written into it has in
       common.
"""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import Any

import numpy as np

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.graphdef.graph_edit import function_of
from rnnlite_pipeline.toolchain import load

_CARRIERS = {"Enter", "Merge", "Switch", "NextIteration", "Exit", "Identity"}
_ARRAY = "TensorArrayV3"
#: Position of the flow among an op's inputs, and the op's form as a list.
_FLOW = {
    "TensorArrayScatterV3": 3,
    "TensorArrayWriteV3": 3,
    "TensorArrayReadV3": 2,
    "TensorArrayGatherV3": 2,
    "TensorArraySizeV3": 1,
}
_WRITING = {"TensorArrayScatterV3", "TensorArrayWriteV3"}
#: What happens to an array that is filled once, as a whole.
_READING = {"TensorArrayScatterV3", "TensorArrayReadV3"}


def lists_for_arrays(function: Any) -> Any:
    """A frozen concrete function with lists instead of TensorArrays; itself where it has none.

    Raises:
        NotConvertible: It uses an array in a way that lists have no op for.
    """
    if not any(node.type == _ARRAY for node in function.graph.get_operations()):
        return function
    return function_of(_Rewriter(function.graph).graph_def(), like=function)


class _Rewriter:
    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.definition = graph.as_graph_def()
        self.nodes = {node.name: node for node in self.definition.node}
        self.types = load("tensorflow").dtypes
        self.users = _users(graph)

    def graph_def(self) -> Any:
        unknown = [
            n for n in self.nodes.values() if n.op.startswith("TensorArray") and not self._known(n)
        ]
        if unknown:
            raise NotConvertible(
                f'The graph uses {unknown[0].op} (op "{unknown[0].name}"), which cannot become a '
                "list.",
                "Build the loop with TensorArray.read, write, unstack and stack only.",
            )
        self._retype()
        for node in [n for n in self.nodes.values() if n.op in _FLOW]:
            self._rewrite(node)
        handles = [n for n in self.nodes.values() if self._is_handle(n)]
        for node in handles:
            self.definition.node.remove(self.nodes.pop(node.name))
        for node in [n for n in self.nodes.values() if n.op == _ARRAY]:
            self._reserve(node)
        for node in self.nodes.values():
            node.input[:] = [self._renamed(name) for name in node.input]
        return self.definition

    def _known(self, node: Any) -> bool:
        return node.op == _ARRAY or node.op in _FLOW

    def _retype(self) -> None:
        """Rule 1."""
        lists = {n.name for n in self.nodes.values() if n.op == _ARRAY}
        lists |= {n.name for n in self.nodes.values() if n.op.endswith(("ScatterV3", "WriteV3"))}
        grown = True
        while grown:
            found = {
                node.name
                for node in self.nodes.values()
                if node.op in _CARRIERS and node.name not in lists and self._carries(node, lists)
            }
            for name in found:
                self.nodes[name].attr["T"].type = self.types.variant.as_datatype_enum
                self.nodes[name].attr.pop("_output_shapes", None)
            lists |= found
            grown = bool(found)

    def _carries(self, node: Any, lists: set[str]) -> bool:
        """Whether a list, and not the handle of an array, enters a node."""
        return _split(node.input[0])[0] in lists and not self._is_handle(node)

    def _is_handle(self, node: Any) -> bool:
        """Whether a node passes on the handle of an array, its output 0."""
        port = 1
        while node.op in _CARRIERS:
            name, port = _split(node.input[0])
            node = self.nodes[name]
        return node.op == _ARRAY and port == 0

    def _rewrite(self, node: Any) -> None:
        """Rules 2 and 3."""
        flow = node.input[_FLOW[node.op]]
        array = self._array(node.input[0])
        operands, dtype = list(node.input), array.attr["dtype"].type
        controls = [name for name in node.input if name.startswith("^")]
        kind = node.op
        node.attr.clear()
        if kind == "TensorArraySizeV3":
            self._become(node, "TensorListLength", [flow, *controls])
            return
        whole = self._is_whole(operands[1], array, flow)
        node.attr["element_dtype"].type = dtype
        shape = self._element_shape(array, near=operands[1])
        if kind == "TensorArrayReadV3":
            self._become(node, "TensorListGetItem", [flow, operands[1], shape])
        elif kind == "TensorArrayWriteV3":
            self._become(node, "TensorListSetItem", [flow, operands[1], operands[2]])
            node.attr["resize_if_index_out_of_bounds"].b = array.attr["dynamic_size"].b
        elif kind == "TensorArrayScatterV3" and whole:
            self._become(node, "TensorListFromTensor", [operands[2], shape])
            node.attr["shape_type"].type = self.types.int32.as_datatype_enum
        elif kind == "TensorArrayScatterV3":
            self._become(
                node, "TensorListScatterIntoExistingList", [flow, operands[2], operands[1]]
            )
        elif whole:
            self._become(node, "TensorListStack", [flow, shape])
            node.attr["num_elements"].i = -1
        else:
            self._become(node, "TensorListGather", [flow, operands[1], shape])
        node.input.extend(controls)

    def _become(self, node: Any, op: str, operands: list[str]) -> None:
        node.op = op
        node.input[:] = operands

    def _reserve(self, node: Any) -> None:
        """Rule 2. The list is the node's output 0, the flow was its output 1."""
        shape, dtype = self._element_shape(node), node.attr["dtype"].type
        node.attr.clear()
        node.attr["element_dtype"].type = dtype
        node.attr["shape_type"].type = self.types.int32.as_datatype_enum
        self._become(node, "TensorListReserve", [shape, node.input[0]])

    def _renamed(self, name: str) -> str:
        """What was an array's flow, its output 1, is the list, its output 0."""
        owner, port = _split(name)
        is_list = owner in self.nodes and self.nodes[owner].op == "TensorListReserve"
        return owner if is_list and port == 1 and not name.startswith("^") else name

    # What is read of the graph -------------------------------------------------------------------

    def _array(self, handle: str) -> Any:
        node = self.nodes[_split(handle)[0]]
        while node.op in _CARRIERS:
            node = self.nodes[_split(node.input[0])[0]]
        return node

    def _is_whole(self, indices: str, array: Any, flow: str) -> bool:
        """Whether indices are 0, 1, 2, ..., to the array's size at `flow`.

        An array that is scattered to once and else only read may be larger: nobody sees the rest.
        """
        found = self.nodes[_split(indices)[0]]
        if found.op == "Range":
            start, limit, step = found.input[:3]
            whole = self._is_size(limit, array, flow) or self._is_only_read(array)
            return whole and self._constant(start) == 0 and self._constant(step) == 1
        values, size = self._constant(indices), self._constant(array.input[0])
        if values is None or size is None or array.attr["dynamic_size"].b:
            return False
        return np.array_equal(values, np.arange(int(size)))

    def _is_only_read(self, array: Any) -> bool:
        kinds = [op.type for op in self.users[array.name]]
        return kinds.count("TensorArrayScatterV3") == 1 and set(kinds) <= _READING

    def _is_size(self, name: str, array: Any, flow: str) -> bool:
        """Whether a number is the array's size; the one it was made with need not stay it."""
        op = self.graph.get_operation_by_name(_split(name)[0])
        grows = array.attr["dynamic_size"].b
        if op.type == "TensorArraySizeV3":
            its_own = self._array(op.inputs[0].name).name == array.name
            return its_own and (not grows or _split(op.inputs[1].name) == _split(flow))
        if grows:
            return False
        size, value = self._constant(array.input[0]), self._constant(name)
        same = size is not None and value is not None and int(size) == int(value)
        return same or self._measures(name) == self._measures(array.input[0])

    def _measures(self, name: str) -> tuple[str, ...]:
        """The way a size is computed, so that two ways to the same dimension are the same."""
        node = self.nodes[_split(name)[0]]
        if node.op == "Const":
            return (str(self._constant(name)),)
        if node.op not in ("StridedSlice", "Identity"):
            source = node.input[0] if node.op == "Shape" else name
            return (node.op, source)
        inner = [self._measures(i) for i in node.input if not i.startswith("^")]
        return (node.op, *(part for each in inner for part in each))

    def _constant(self, name: str) -> Any:
        node = self.nodes[_split(name)[0]]
        if node.op != "Const":
            return None
        return load("tensorflow").make_ndarray(node.attr["value"].tensor)

    def _element_shape(self, array: Any, near: str = "") -> str:
        """Rule 4, as the name of a constant; `near`, a tensor of the frame it is read in."""
        tf = load("tensorflow")
        shape = self.graph.get_operation_by_name(array.name).get_attr("element_shape")
        declared, written = tf.TensorShape(shape), self._written(array.name)
        if written:
            alike = array.attr["identical_element_shapes"].b
            declared = _merged(declared, reduce(_merged if alike else _common, written))
        known = declared.rank is not None
        values = [-1 if d is None else d for d in declared.as_list()] if known else -1
        name = self._free(f"{array.name}/element_shape")
        tensor = tf.make_tensor_proto(np.array(values, np.int32))
        node = self.definition.node.add(name=name, op="Const")
        node.attr["dtype"].type = self.types.int32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tensor)
        if near:
            node.input.append(f"^{_split(near)[0]}")
        self.nodes[name] = node
        return name

    def _written(self, array: str) -> list[Any]:
        """The shape of each element that is written into an array, as far as it is known."""
        values = [(op.type, op.inputs[2].shape) for op in self.users[array] if op.type in _WRITING]
        return [shape[1:] if "Scatter" in kind else shape for kind, shape in values]

    def _free(self, name: str) -> str:
        number, candidate = 0, name
        while candidate in self.nodes:
            number += 1
            candidate = f"{name}_{number}"
        return candidate


def _users(graph: Any) -> dict[str, list[Any]]:
    """The ops of the graph that take each array's handle, by the array's name."""
    users: dict[str, list[Any]] = defaultdict(list)
    for op in graph.get_operations():
        if op.type in _FLOW:
            owner = op.inputs[0].op
            while owner.type in _CARRIERS:
                owner = owner.inputs[0].op
            users[owner.name].append(op)
    return users


def _merged(one: Any, two: Any) -> Any:
    """What two descriptions of one shape say together; what they contradict each other in, open."""
    return one.merge_with(two) if one.is_compatible_with(two) else _common(one, two)


def _common(one: Any, two: Any) -> Any:
    """What two shapes have in common."""
    return one.most_specific_compatible_shape(two)


def _split(name: str) -> tuple[str, int]:
    """An input's node and output: "a" to ("a", 0), "a:1" to ("a", 1), "^a" to ("a", 0)."""
    node, _, port = name.removeprefix("^").partition(":")
    return node, int(port or 0)
