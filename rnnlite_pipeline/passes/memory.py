"""The proof that a model is right in every interpreter, as far as its memory goes.

Two faults of the runtime give wrong numbers without an error, in some interpreters or in later
calls alone: a state that is overrun, and a copy by the default delegate that is left out. Why, and
why these two checks suffice, is written in docs/traps.md, "Memory".
"""

from __future__ import annotations

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.passes.fence_copies import crossing
from rnnlite_pipeline.passes.give_states_room import without_room


def check_memory(model: Model) -> None:
    """Checks a model as it will be written.

    1. Every state has room for the batch of the call (passes/give_states_room.py).
    2. No copy joins the inside of a delegated part with its outside (passes/fence_copies.py).

    Raises:
        NotConvertible: One of them does not hold.
    """
    states = [t.name for t in without_room(model)]
    copies = [f"{op.code} to {', '.join(t.name for t in op.outputs)}" for op in crossing(model)]
    if states or copies:
        found = [f"state {name}" for name in states] + [f"copy by {name}" for name in copies]
        raise NotConvertible(
            "The runtime would give wrong numbers in some interpreters: " + ", ".join(found) + ".",
            "Report it with the model; `recurrent.lowering: loop` or `fused` may avoid it.",
        )
