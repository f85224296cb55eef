"""Rows of a variable picked inside a loop: what a decoder's embedding is.

When TensorFlow freezes variables it leaves a ResourceGather inside a loop's body as it is
(convert_to_constants.py: "We currently skip the conversion if this is inside a function"), and the
frozen graph is then no graph. While `gathers_in_loops` is open, it becomes a GatherV2 there, too.

In a loop of control flow v1, which is no function, it becomes a GatherV2 whose axis is a constant
outside of the loop's frame, and the graph is none either ("inputs from different frames"). A
control edge from the indices puts the axis into the frame.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load


@contextlib.contextmanager
def gathers_in_loops() -> Iterator[None]:
    """While open, variables that are gathered from inside of loops can be frozen."""
    constants = load("tensorflow.python.framework.convert_to_constants")
    gather, gather_nd = constants._ResourceGather, constants._ResourceGatherNd
    originals = {kind: kind.convert_variable_to_constant for kind in (gather, gather_nd)}

    def convert(self: Any, incoming_edge: Any, tensor_data: Any) -> None:
        if self._function is None:
            originals[gather](self, incoming_edge, tensor_data)
            _put_axis_into_frame(self)
        else:
            _freeze(self.converted_self().node, self._function.converted_self().function)

    def convert_nd(self: Any, incoming_edge: Any, tensor_data: Any) -> None:
        originals[gather_nd](self, incoming_edge, tensor_data)
        # Left out, it is added later, and then there are two functions of one name.
        self.converted_self().node.attr["bad_indices_policy"].s = b""

    gather.convert_variable_to_constant = convert
    gather_nd.convert_variable_to_constant = convert_nd
    try:
        yield
    finally:
        for kind, original in originals.items():
            kind.convert_variable_to_constant = original


def _put_axis_into_frame(gather: Any) -> None:
    """Lets the axis of a GatherV2 in a loop of control flow v1 stand where its indices do."""
    graph = gather._enclosing_graph
    node = gather.converted_self().node
    table = graph.nodes[node.input[0].partition(":")[0]].node
    if table.op == "Enter":
        axis = graph.converted_self().nodes[node.input[2]].node
        axis.input[:] = [f"^{node.input[1].partition(':')[0]}"]


def _freeze(node: Any, function: Any) -> None:
    """Makes a ResourceGather of a function a GatherV2 of what the variable holds."""
    if node.op == "GatherV2":  # an operand of the loop can reach it on two ways
        return
    params, indices = node.attr["dtype"].type, node.attr["Tindices"].type
    batch_dims = node.attr["batch_dims"].i
    axis = function.node_def.add(name=f"{node.name}/axis", op="Const")
    axis.attr["dtype"].type = indices
    value = np.array(batch_dims)
    axis.attr["value"].tensor.CopyFrom(load("tensorflow").make_tensor_proto(value, indices))
    node.op = "GatherV2"
    node.input.insert(2, f"{axis.name}:output:0")
    node.attr.clear()
    node.attr["Tparams"].type = params
    node.attr["Tindices"].type = node.attr["Taxis"].type = indices
    node.attr["batch_dims"].i = batch_dims
