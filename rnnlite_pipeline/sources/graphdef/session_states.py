"""Variables that a graph of TensorFlow 1 assigns, in its session: their values and first values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.lifting import Assigned, handle_of
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.sources.state import refuse_state
from rnnlite_pipeline.toolchain import load

Run = Callable[[Mapping[str, Array]], dict[str, Array]]

#: Ops that make a variable: a resource, or a reference.
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


def session_states(session: Any, definition: Any) -> dict[str, Assigned]:
    """By the name of its op, each variable that an op of a GraphDef assigns, with its value.

    Raises:
        NotConvertible: A variable is assigned in a loop or a branch.
    """
    nodes = {node.name: node for node in definition.node}
    found = {
        node.name: handle_of(node, nodes)
        for node in definition.node
        if node.op.startswith("Assign")
    }
    found = {op: name for op, name in found.items() if nodes[name].op in _VARIABLES}
    refuse_state(definition, found)
    return {
        name: Assigned(name, name, np.asarray(session.run(_reading(session, name))))
        for name in dict.fromkeys(found.values())
    }


def from_the_start(session: Any, run: Run, states: Mapping[str, Assigned]) -> Run:
    """`run`, after the variables were given their first values."""
    v1, writes = load("tensorflow").compat.v1, []
    with session.graph.as_default():
        for name, state in states.items():
            value, variable = v1.constant(state.initial), _variable(session, name)
            resource = variable.op.type == "VarHandleOp"
            raw = load("tensorflow").raw_ops
            writes.append(
                raw.AssignVariableOp(resource=variable, value=value)
                if resource
                else raw.Assign(ref=variable, value=value)
            )

    def started(arrays: Mapping[str, Array]) -> dict[str, Array]:
        session.run(writes)
        return run(arrays)

    return started


def _variable(session: Any, name: str) -> Any:
    return session.graph.get_tensor_by_name(f"{name}:0")


def _reading(session: Any, name: str) -> Any:
    variable = _variable(session, name)
    if variable.op.type != "VarHandleOp":
        return variable
    with session.graph.as_default():
        dtype = variable.op.get_attr("dtype")
        return load("tensorflow").raw_ops.ReadVariableOp(resource=variable, dtype=dtype)
