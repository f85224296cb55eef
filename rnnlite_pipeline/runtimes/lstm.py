"""Operands of the fused LSTM op that some runtimes do not take.

The places: tflite/kernels/lstm_shared.h of google-ai-edge/LiteRT.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.runtimes.rule import Condition

#: Operands that stand for more than the plain cell.
PLAIN = tuple(
    (place, what)
    for what, places in {
        "a peephole": (9, 10, 11),
        "a projection": (16, 17),
        "layer normalization": (20, 21, 22, 23),
    }.items()
    for place in places
)


def _has_input_gate(op: Op) -> bool:
    return len(op.inputs) > 1 and op.inputs[1] is not None


NOT_COUPLED = Condition("coupled input and forget gates are not taken", _has_input_gate)

TANH = Condition(
    "it computes tanh, whatever activation the op asks for",
    lambda op: op.options.get("fused_activation_function") == "TANH",
)

#: UNIDIRECTIONAL_SEQUENCE_LSTM's states: the output's and the cell's.
STATES = (18, 19)


def reads_state(model: Model, lstm: Op) -> bool:
    """Whether another op reads a state of a UNIDIRECTIONAL_SEQUENCE_LSTM."""
    states = {lstm.inputs[place] for place in STATES}
    return any(op is not lstm and not states.isdisjoint(op.inputs) for op in model.ops())
