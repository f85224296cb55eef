"""States as variables of the runtime, and as inputs and outputs of the graph: both ways.

A variable that the runtime keeps from call to call is VAR_HANDLE, READ_VARIABLE and
ASSIGN_VARIABLE; CALL_ONCE gives it its first value. Measured on ai-edge-litert 2.3 (reference
kernels, default delegate, no delegate):

1. The value stays when inputs are resized. Only the signature `reset` brings back the first one:
   `reset_all_variables()` reaches the state tensors of fused ops, and no such variable.
2. The subgraph that CALL_ONCE runs can be a signature as well.
3. READ_VARIABLE copies, so that a value read stays what it was when the variable is assigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.affine import to_integers
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import replace_uses
from rnnlite_pipeline.graph.ir import NUMPY, Model, Op, Signature, Subgraph, Tensor

#: The signature that gives every variable its first value again; no inputs, no outputs.
RESET = "reset"

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class State:
    """What one call leaves to the next.

    Attributes:
        name: The layer's name and the state's, "lstm/h", or the variable's.
        initial: What the first call starts from [B, width]; [1, width] where B is open.
    """

    name: str
    initial: Array

    @property
    def input(self) -> str:
        """The name of the input that a call starts from."""
        return f"{self.name}_in"

    @property
    def output(self) -> str:
        """The name of the output that a call ends with."""
        return f"{self.name}_out"


def add(model: Model, state: State, before: Tensor, after: Tensor) -> None:
    """Makes `before` an input of the graph and `after` an output, behind those it has.

    An output that is an input, a constant or another output gets a tensor of its own. What
    `after` is called stays: a loop's name is read off its outputs.
    """
    main = model.main
    if after.data is not None or after in (*main.inputs, *main.outputs, before):
        copy = Tensor(state.output, after.dtype, after.shape)
        main.ops.append(make_op("CAST", [after], [copy]))
        after = copy
    before.name = state.input
    main.inputs.append(before)
    main.outputs.append(after)
    for signature in _of_main(model):
        signature.inputs[state.input] = before
        signature.outputs[state.output] = after


def remove(model: Model, state: State) -> tuple[Tensor, Tensor]:
    """Takes a state's input and output away from the interface; returns their tensors."""
    main, signatures = model.main, _of_main(model)
    before, after = signatures[0].inputs[state.input], signatures[0].outputs[state.output]
    for signature in signatures:
        del signature.inputs[state.input], signature.outputs[state.output]
    main.inputs.remove(before)
    main.outputs.remove(after)
    return before, after


def keep(model: Model, states: Sequence[State]) -> None:
    """Makes a variable of each state, and the signature that resets them all.

    Requires: the batch is fixed, and `initial` has the state's shape. A quantized state is kept in
    its integers.
    """
    if not states:
        return
    first, reading, writing = Builder("initial"), Builder("state"), Builder("state")
    for state in states:
        before, after = remove(model, state)
        handle = _handle(reading, state.name)
        reading.ops.append(make_op("READ_VARIABLE", [handle], [before]))
        writing.ops.append(make_op("ASSIGN_VARIABLE", [handle, after], []))
        value = to_integers(state.initial, before) if before.quantization else state.initial
        operands = [_handle(first, state.name), first.constant(state.name, value)]
        first.ops.append(make_op("ASSIGN_VARIABLE", operands, []))
    initial = Subgraph(RESET, ops=first.ops)
    once = make_op("CALL_ONCE", [], [], init_subgraph=initial)
    model.main.ops = [once, *reading.ops, *model.main.ops, *writing.ops]
    model.subgraphs.append(initial)
    model.signatures.append(Signature(RESET, initial, {}, {}))


def lift(model: Model) -> list[State]:
    """Makes an input and an output of each variable that the graph assigns: undoes `keep`.

    1. A variable that is read before it is assigned is a state; it starts from what CALL_ONCE
       assigns, else from zeros.
    2. One that is assigned first is forgotten at each call: its reads are what was assigned.
    3. One that is never assigned is the constant it starts from.

    Raises:
        NotConvertible: A variable is used inside a loop or a branch.
    """
    if not any(op.code == "VAR_HANDLE" for op in model.ops()):
        return []
    lifting = _Lifting(model)
    _check_inside(model, lifting.initial_subgraphs)
    return lifting.run()


class _Lifting:
    """Follows the variables of the main graph in execution order."""

    def __init__(self, model: Model) -> None:
        self.model = model
        main = model.main
        once = [op for op in main.ops if op.code == "CALL_ONCE"]
        self.initial_subgraphs = [op.options["init_subgraph"] for op in once]
        self.initial: dict[str, Tensor] = {}
        for subgraph in self.initial_subgraphs:
            names = _names(subgraph)
            for op in subgraph.ops:
                if op.code == "ASSIGN_VARIABLE" and op.inputs[0] in names and op.inputs[1]:
                    self.initial[names[op.inputs[0]]] = op.inputs[1]
        self.names = _names(main)
        self.assigned = {
            self.names[op.inputs[0]]
            for op in main.ops
            if op.code == "ASSIGN_VARIABLE" and op.inputs[0] in self.names
        }
        self.now: dict[str, Tensor] = {}
        self.before: dict[str, Tensor] = {}

    def run(self) -> list[State]:
        main, model = self.model.main, self.model
        for op in main.ops:
            name = self.names.get(op.inputs[0]) if op.inputs and op.inputs[0] else None
            if name is not None and op.code == "READ_VARIABLE":
                replace_uses(model, main, op.outputs[0], self._read(name, op.outputs[0]))
            elif name is not None and op.code == "ASSIGN_VARIABLE":
                assert op.inputs[1] is not None, "ASSIGN_VARIABLE has two operands"
                self.now[name] = op.inputs[1]
        main.ops = [op for op in main.ops if not self._is_gone(op)]
        resets = [s for s in model.signatures if s.subgraph in self.initial_subgraphs]
        model.signatures = [s for s in model.signatures if s not in resets]
        model.subgraphs = [s for s in model.subgraphs if s not in self.initial_subgraphs]
        states = []
        for name, before in self.before.items():
            states.append(State(name, self._first(name, before)))
            add(model, states[-1], before, self.now[name])
        return states

    def _read(self, name: str, result: Tensor) -> Tensor:
        """What a read gives; the first read of a state becomes the state's input."""
        if name not in self.assigned:
            return Tensor.constant(name, self._first(name, result))
        if name not in self.now:
            shape = self._first(name, result).shape
            self.now[name] = self.before[name] = Tensor(name, result.dtype, shape)
        return self.now[name]

    def _first(self, name: str, like: Tensor) -> Array:
        initial = self.initial.get(name)
        value = initial.array if initial is not None else None
        if value is not None:
            return value
        shape = [max(length, 1) for length in like.shape or ()]
        return np.zeros(shape, NUMPY[like.dtype])

    def _is_gone(self, op: Op) -> bool:
        if op.code == "CALL_ONCE" or (op.outputs and op.outputs[0] in self.names):
            return True
        return bool(op.inputs) and op.inputs[0] in self.names


def _names(subgraph: Subgraph) -> dict[Tensor | None, str]:
    """The name of the variable that each handle stands for."""
    return {
        op.outputs[0]: op.options["shared_name"] or op.outputs[0].name
        for op in subgraph.ops
        if op.code == "VAR_HANDLE"
    }


def _check_inside(model: Model, initial: list[Subgraph]) -> None:
    handles = set(_names(model.main))
    taken = any(
        set(op.inputs) & handles and op.code not in ("READ_VARIABLE", "ASSIGN_VARIABLE")
        for op in model.main.ops
    )
    others = [s for s in model.subgraphs if s is not model.main and s not in initial]
    if taken or any(op.code == "VAR_HANDLE" for s in others for op in s.ops):
        raise NotConvertible(
            "The model reads or assigns a variable inside a loop or a branch.",
            "Read it before the loop, carry its value through, and assign it after the loop.",
        )


def _handle(build: Builder, name: str) -> Tensor:
    return build.op("VAR_HANDLE", [], "RESOURCE", [], container="", shared_name=name)


def _of_main(model: Model) -> list[Signature]:
    return [s for s in model.signatures if s.subgraph is model.main]
