"""Assignments of variables as arguments and results: what is left is a function without any.

Rules:
    1. Functions are inlined and all other variables frozen first; an assigned variable is then a
       handle that ReadVariableOp and AssignVariableOp take, ordered by control edges.
    2. In the order of execution, a read is the value so far, and an assignment sets it. What a
       variable holds before the first op is a new argument, what it holds at the end a new result.
    3. A variable whose value reaches no output, such as the seed of a dropout that inference does
       not apply, is no state: it stays at its first value.
    4. A variable assigned inside a loop or a branch is refused, and so is one that is no float:
       a counter is not what a recurrence keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.toolchain import load

_SUMS = {"AssignAddVariableOp": "AddV2", "AssignSubVariableOp": "Sub"}
_REFERENCE_SUMS = {"AssignAdd": "AddV2", "AssignSub": "Sub"}


@dataclass(frozen=True, eq=False)
class Assigned:
    """A variable that the model assigns.

    Attributes:
        name: As the framework names it, without ":0"; unique among the model's.
        handle: The resource.
        initial: What it held when the source was opened.
    """

    name: str
    handle: Any
    initial: Array


def lift(partial: Any, states: Mapping[str, Assigned]) -> tuple[Any, tuple[Assigned, ...]]:
    """Rules 2 to 4, on a function that is frozen but for these variables.

    Args:
        partial: The function.
        states: Its assigned variables, by the name of the op that makes the handle.
    """
    if not states:
        return partial, ()
    outputs = [t.op.name for t in partial.outputs]
    live = _live(partial.graph.as_graph_def(), outputs, list(states))
    kept = {handle: state for handle, state in states.items() if handle in live}
    for state in kept.values():
        _check_float(state)
    return _Lifting(partial, states, kept).function(), tuple(kept.values())


class _Lifting:
    """Rules 2 and 3, on the nodes of a function whose other variables are frozen.

    Args:
        function: The function.
        states: Its assigned variables, by the name of the handle's placeholder.
        kept: Those that are states.
    """

    def __init__(
        self, function: Any, states: Mapping[str, Assigned], kept: Mapping[str, Assigned]
    ) -> None:
        self.frozen, self.states, self.kept = function, states, kept
        self.definition = function.graph.as_graph_def()
        self.nodes = {node.name: node for node in self.definition.node}
        self.owner = {name: name for name in states}
        self.references = {n for n in states if self.nodes[n].op in ("VariableV2", "Variable")}
        self.now = {name: f"{name}:0" for name in states}
        self.types = load("tensorflow").dtypes

    def function(self) -> Any:
        for op in self.frozen.graph.get_operations():
            node = self.nodes[op.name]
            taken = [k for k, name in enumerate(node.input) if _node(name) in self.owner]
            taken = [k for k in taken if not node.input[k].startswith("^")]
            if taken:
                self._rewrite(node, self.owner[_node(node.input[taken[0]])], taken)
        before = [t.name for t in self.frozen.inputs if t.op.name not in self.states]
        after = [self._result(name) for name in self.kept]
        for name, state in self.states.items():
            self._start(self.nodes[name], state, given=name in self.kept)
        wrap = load("tensorflow.python.eager.wrap_function")
        pure = wrap.function_from_graph_def(
            self.definition,
            [*before, *(f"{name}:0" for name in self.kept)],
            [*(t.name for t in self.frozen.outputs), *after],
        )
        shapes = [t.shape for t in self.frozen.inputs if t.op.name not in self.states]
        shapes += [state.initial.shape for state in self.kept.values()]
        for tensor, shape in zip(pure.inputs, shapes, strict=True):
            tensor.set_shape(shape)
        return pure

    def _start(self, node: Any, state: Assigned, *, given: bool) -> None:
        """What a variable holds before the first op: given by the caller, or constant."""
        self._become(node, "Placeholder" if given else "Const", [], "dtype", state)
        tf = load("tensorflow")
        if given:
            shape = tf.TensorShape(state.initial.shape)
            node.attr["shape"].shape.CopyFrom(shape.as_proto())
        else:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(state.initial))

    def _rewrite(self, node: Any, variable: str, taken: list[int]) -> None:
        state, controls = self.states[variable], [n for n in node.input if n.startswith("^")]
        if variable in self.references:
            self._follow(node, variable, taken)
        elif node.op == "Identity":
            self.owner[node.name] = variable
            self._become(node, "Identity", [f"{variable}:0", *controls], "T", state)
        elif node.op == "ReadVariableOp":
            self._become(node, "Identity", [self.now[variable], *controls], "T", state)
        elif node.op == "AssignVariableOp" and taken == [0]:
            self.now[variable] = node.input[1]
            node.op = "NoOp"
            node.attr.clear()
            node.input[:] = [f"^{_node(self.now[variable])}", *controls]
        elif node.op in _SUMS and taken == [0]:
            operands = [self.now[variable], node.input[1], *controls]
            self._become(node, _SUMS[node.op], operands, "T", state)
            self.now[variable] = f"{node.name}:0"
        else:
            raise NotConvertible(
                f'The model reads or assigns the variable "{state.name}" in a loop or a branch, '
                f'or only a part of it (op "{node.name}", {node.op}).',
                "Read it before the loop, carry its value through the loop, and assign it after.",
            )

    def _follow(self, node: Any, variable: str, taken: list[int]) -> None:
        """References of TensorFlow 1: assignments give the value, all else reads it."""
        state, controls = self.states[variable], [n for n in node.input if n.startswith("^")]
        for k in taken:
            node.input[k] = self.now[self.owner[_node(node.input[k])]]
        operands = [*node.input[:2], *controls]
        if taken[0] == 0 and node.op == "Assign":
            self._become(node, "Identity", operands[1:], "T", state)
        elif taken[0] == 0 and node.op in _REFERENCE_SUMS:
            self._become(node, _REFERENCE_SUMS[node.op], operands, "T", state)
        else:
            return
        self.now[variable] = f"{node.name}:0"

    def _become(self, node: Any, op: str, inputs: list[str], key: str, state: Assigned) -> None:
        node.op = op
        node.attr.clear()
        node.attr[key].type = self.types.as_dtype(state.initial.dtype).as_datatype_enum
        node.input[:] = inputs

    def _result(self, variable: str) -> str:
        name = f"rnnlite_state_{len(self.nodes)}"
        node = self.definition.node.add(name=name)
        self.nodes[name] = node
        self._become(node, "Identity", [self.now[variable]], "T", self.states[variable])
        return f"{name}:0"


def is_assigned(definition: Any, handle: str) -> bool:
    """Whether an op of the main graph assigns it."""
    names, changed = {handle}, True
    while changed:
        more = {
            n.name for n in definition.node if n.op == "Identity" and _node(n.input[0]) in names
        }
        changed, names = not more <= names, names | more
    takers = [n for n in definition.node if any(_node(name) in names for name in n.input)]
    return any(n.op.startswith("Assign") for n in takers)


def _live(definition: Any, outputs: Sequence[str], handles: Sequence[str]) -> set[str]:
    """The variables whose values reach an output, or what is assigned to one that does."""
    nodes = {node.name: node for node in definition.node}
    assigned = [n for n in definition.node if n.op.startswith("Assign")]
    waiting, seen = list(outputs), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [_node(i) for i in nodes[name].input if not i.startswith("^")]
        if name in handles:
            waiting += [n.name for n in assigned if handle_of(n, nodes) == name]
    return seen & set(handles)


def handle_of(node: Any, nodes: Mapping[str, Any]) -> str:
    """The variable that an op assigns; a handle may have gone through Identity."""
    name = _node(node.input[0])
    while nodes[name].op == "Identity":
        name = _node(nodes[name].input[0])
    return name


def _node(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _check_float(state: Assigned) -> None:
    """Rule 4.

    Raises:
        NotConvertible: It is no float.
    """
    if state.initial.dtype.kind != "f":
        raise NotConvertible(
            f'The model assigns the variable "{state.name}" of dtype {state.initial.dtype} when it '
            "is called, such as a counter; only floating-point states are kept between calls.",
            "Take the counter out of the function that is converted, or make it an input.",
        )
