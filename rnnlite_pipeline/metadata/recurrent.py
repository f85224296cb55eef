"""The recurrent facts of a model, as custom metadata: what the caller must know about its state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from rnnlite_pipeline.graph.ir import Model

#: The name of the custom metadata.
NAME = "rnnlite.recurrent"

#: The form of its JSON; a number that grows when its keys change their meaning.
FORM = 1

State = Literal["none", "reset", "persist", "explicit"]

#: What the caller does to start a new sequence.
HOW_TO_RESET: dict[State, str] = {
    "none": "The model keeps no state.",
    "reset": "Nothing to do: every call starts from the model's own initial state.",
    "persist": "The state is kept from one call to the next. Before a new sequence run the"
    " signature `reset`, which has no inputs and no outputs: get_signature_runner('reset')() of the"
    ' Python Interpreter, GetSignatureRunner("reset")->Invoke() of the C++ Interpreter,'
    " Reset() of TFLM's MicroInterpreter; on Android make a new Interpreter."
    " reset_all_variables() and ResetVariableTensors() do not reach the state.",
    "explicit": "The caller keeps the state: feed zeros, or an initial state, to the state inputs"
    " at the first call of a sequence, and the state outputs of the call before from then on.",
}


def state_policy(model: Model, asked: str = "source") -> State:
    """What happens to the model's state between two calls, read off the graph.

    1. A variable that no op writes, or a resource, keeps its value: persist.
    2. Variables that ops write at every call: reset. A loop's state lives within a call: reset.
    3. The states that are inputs and outputs of the model: explicit, where `asked` says so.

    Args:
        model: A converted model.
        asked: The config's `recurrent.state`.
    """
    if asked == "explicit":
        return "explicit"
    written = {tensor for op in model.ops() for tensor in op.outputs}
    read = {tensor for op in model.ops() for tensor in op.inputs if tensor is not None}
    codes = {op.code for op in model.ops()}
    if "ASSIGN_VARIABLE" in codes or any(t.is_variable for t in read - written):
        return "persist"
    recurrent = "WHILE" in codes or any(t.is_variable for t in read)
    return "reset" if recurrent else "none"


def recurrent_facts(
    model: Model, layers: Iterable[Mapping[str, Any]], asked: str
) -> dict[str, Any]:
    """The facts, as JSON keeps them.

    Args:
        model: The converted model.
        layers: What is recorded of each recurrent layer (lower/layer_record.py).
        asked: The config's `recurrent.state`.
    """
    state = state_policy(model, asked)
    return {
        "form": FORM,
        "layers": [_layer(layer) for layer in layers],
        "state": state,
        "reset": HOW_TO_RESET[state],
    }


def as_bytes(facts: dict[str, Any]) -> bytes:
    """The facts as UTF-8 JSON, the same bytes for the same facts."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    told = ("name", "op", "cell", "features", "direction", "time_major")
    facts = {key: layer[key] for key in told if key in layer}
    return facts | ({"units": layer["states"][-1]} if "states" in layer else {})
