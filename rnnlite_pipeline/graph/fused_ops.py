"""The runtime's recurrent ops: where their states stand, and what an op is called.

A state is a variable tensor that the kernel reads and overwrites. The interpreter keeps it from
one call to the next, so a state that no op of the graph writes leaks: the second call starts from
what the first one left. Operand places: LiteRT tflite/kernels/lstm_shared.h, lstm.cc,
bidirectional_sequence_lstm.cc, unidirectional_sequence_rnn.cc, bidirectional_sequence_rnn.cc,
basic_rnn.cc, svdf.cc.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor


@dataclass(frozen=True)
class Place:
    """A state of a fused op.

    Attributes:
        name: What it is called: h is what a cell puts out, c an LSTM's cell state.
        operand: Its position among the op's inputs.
    """

    name: str
    operand: int


#: The states of each op that keeps some.
STATES: Mapping[str, tuple[Place, ...]] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (Place("h", 18), Place("c", 19)),
    "LSTM": (Place("h", 18), Place("c", 19)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        Place("forward_h", 35),
        Place("forward_c", 36),
        Place("backward_h", 37),
        Place("backward_c", 38),
    ),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (Place("h", 4),),
    "RNN": (Place("h", 4),),
    "BIDIRECTIONAL_SEQUENCE_RNN": (Place("forward_h", 4), Place("backward_h", 8)),
    "SVDF": (Place("memory", 4),),
}

#: What TensorFlow's converter calls tensors that have lost their name.
_NAMELESS = re.compile(r"(tfl|arith|std)\.")


def states_of(op: Op) -> dict[Place, Tensor]:
    """The variables that an op keeps its states in."""
    places = [p for p in STATES.get(op.code, ()) if p.operand < len(op.inputs)]
    found = {place: op.inputs[place.operand] for place in places}
    return {p: tensor for p, tensor in found.items() if tensor is not None and tensor.is_variable}


def leaking(subgraph: Subgraph) -> list[tuple[Op, Place, Tensor]]:
    """The states that no op of a graph writes, in execution order."""
    written = producers(subgraph)
    return [
        (op, place, tensor)
        for op in subgraph.ops
        for place, tensor in states_of(op).items()
        if tensor not in written
    ]


def layer_names(subgraph: Subgraph) -> dict[Op, str]:
    """What the layer of each fused op is called: a scope that one of its tensors kept, else a kind.

    No name stands for two ops.
    """
    found: dict[Op, str] = {}
    for op in subgraph.ops:
        if op.code in STATES:
            name = _scope(op) or op.code.rsplit("_", 1)[-1].lower()
            taken, number, unique = set(found.values()), 0, name
            while unique in taken:
                number += 1
                unique = f"{name}_{number}"
            found[op] = unique
    return found


def _scope(op: Op) -> str:
    """The innermost scope that the op's outputs or operands are named under."""
    for tensor in (*op.outputs, *states_of(op).values(), *op.inputs[1:]):
        if tensor is None or _NAMELESS.match(tensor.name):
            continue
        scope = tensor.name.split(";")[-1].rpartition("/")[0]
        if scope:
            return scope
    return ""
