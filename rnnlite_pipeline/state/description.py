"""What a model says of its states, as JSON under a name of its metadata: for its users, and verify.

{"policy": "explicit", "states": [{"name": "lstm/h", "initial": [[0.0, 0.0]]}],
 "time": {"x": 1}}

Where the source's caller carried states, "carried" has the source's input and output of each, and
what they became: [{"input": "state", "output": "state_out", "states": ["lstm/h", "lstm/c"]}].
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.shapes.extents import Extents

#: The name of the metadata.
STATES = "rnnlite.states"


@dataclass(frozen=True)
class Carried:
    """States that the source's caller carries, and that the model keeps itself.

    Attributes:
        input: The source's input of the states, which the model has not.
        output: The source's output of them, which the model has not.
        states: The names of the model's states in them.
    """

    input: str
    output: str
    states: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """The states of a converted model.

    Attributes:
        policy: reset, persist or explicit.
        states: Name and initial value of each.
        time: For each input whose length is open, its time axis.
        carried: The inputs and outputs of states that the source has and the model has not.
    """

    policy: str = "reset"
    states: tuple[State, ...] = ()
    time: Mapping[str, int] = field(default_factory=dict)
    carried: tuple[Carried, ...] = ()


def time_axes(model: Model) -> dict[str, int]:
    """The inputs whose open length a recurrence runs over, and the axis; before it is lowered.

    Where a shape could not be followed to any input, an open second axis is taken for time.
    """
    main, extents = model.main, Extents(model.main)
    lengths = set()
    for op in main.ops:
        if op.code in (RECURRENCE, BIDIRECTIONAL) and op.inputs[0] is not None:
            recurrence = next(iter(op.options.values()))
            lengths.add(extents.dimension(op.inputs[0], 0 if recurrence.time_major else 1))
    open_axes = {
        (name, axis): extents.dimension(tensor, axis)
        for name, tensor in model.signatures[0].inputs.items()
        for axis, length in enumerate(tensor.shape or ())
        if length == OPEN
    }
    found = {name: axis for (name, axis), length in open_axes.items() if length in lengths}
    return found or {name: axis for name, axis in open_axes if axis == 1}


def describe(
    model: Model,
    policy: str,
    states: Sequence[State],
    time: Mapping[str, int],
    pairs: Sequence[Carried] = (),
) -> None:
    """Writes the description into the model; nothing where neither it nor its source has states."""
    if not states and not pairs:
        return
    said: dict[str, Any] = {
        "policy": policy,
        "states": [{"name": s.name, "initial": s.initial.tolist()} for s in states],
        "time": dict(time),
    }
    if pairs:
        said["carried"] = [asdict(pair) for pair in pairs]
    model.metadata[STATES] = json.dumps(said, sort_keys=True).encode()


def described(model: Model) -> Description:
    """What `describe` wrote."""
    if STATES not in model.metadata:
        return Description()
    said = json.loads(model.metadata[STATES])
    states = tuple(State(s["name"], np.array(s["initial"], np.float32)) for s in said["states"])
    pairs = (Carried(p["input"], p["output"], tuple(p["states"])) for p in said.get("carried", ()))
    return Description(said["policy"], states, said["time"], tuple(pairs))
