"""What the runtime's fused ops can say, and what to tell the user where they cannot."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.cells.equations import Equations
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, Lstm, Recurrence, SimpleRnn
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.lower.states import Producer, filled_with

#: The activations each kernel computes right, measured against `Recurrence.run` in
#: tests/lower/test_fusable.py. The LSTM kernels apply the activation to the candidate and to the
#: cell state; with NONE they leave the result uninitialized (tensor_utils.h,
#: ApplyActivationToVector, returns without copying). The schema has no SIGMOID to fuse.
FUSED_ACTIVATIONS: dict[str, tuple[str, ...]] = {
    Lstm.kind: ("TANH", "RELU", "RELU6", "RELU_N1_TO_1"),
    SimpleRnn.kind: ("TANH", "RELU", "RELU6", "RELU_N1_TO_1", "NONE"),
}

#: Activations by the name a user knows them by.
KNOWN_AS = {"NONE": "linear"}


def why_not_fused(recurrence: Recurrence) -> str | None:
    """Why no fused op computes `recurrence`, in one sentence for the user; None if one does."""
    cell = recurrence.cell
    if isinstance(cell, Equations) and cell.reason:
        return cell.reason
    if not isinstance(cell, Lstm | SimpleRnn):
        return f"the runtime has no fused op for a {cell.kind} cell"
    if cell.activation not in FUSED_ACTIVATIONS[cell.kind]:
        known = KNOWN_AS.get(cell.activation, cell.activation.lower())
        return f"its activation is {known}, which the fused {cell.kind} op does not compute"
    return _why_not_lstm(cell) if isinstance(cell, Lstm) else None


def why_not_integer(op: Op, used: set[Tensor], producer: Producer) -> str:
    """Why the fused op of a recurrence has no integer form; empty if it has.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        used: The tensors that something reads.
        producer: The op that computes an initial state.
    """
    recurrence: Recurrence = next(iter(op.options.values()))
    cell = recurrence.cell
    if op.code == BIDIRECTIONAL or not isinstance(cell, Lstm):
        direction = "bidirectional" if op.code == BIDIRECTIONAL else "fused"
        return f"the {direction} {cell.kind} op has no integer form"
    if reason := why_not_integer_lstm(
        cell.activation, cell.forget.peephole is not None, cell.states
    ):
        return reason
    if any(filled_with(initial, producer) is None for initial in op.inputs[1:]):
        return "its state starts from computed values, which the integer LSTM op does not take"
    if op.outputs[2] in used:
        return "its final cell state is read, which the integer LSTM op does not give"
    return ""


def why_not_integer_lstm(activation: str, peepholes: bool, states: Sequence[int]) -> str:
    """Why the integer LSTM op does not compute a cell; empty if it does.

    Args:
        activation: Its name in TFLite.
        peepholes: Whether it has any.
        states: The widths of h and of c.
    """
    if activation != "TANH":
        return f"its activation is {activation.lower()}; the integer LSTM op computes tanh"
    if peepholes and states[0] != states[1]:
        # lstm_eval.cc, CalculateLstmGateInteger8x8_16: the peepholes' product takes the cell state
        # to be as wide as the output.
        return "its output is narrower than its cell, which the integer LSTM op's peepholes mistake"
    return ""


def why_not_micro(op: Op) -> str:
    """Why TensorFlow Lite Micro has no fused op for a recurrence; empty if it has.

    Sources: tflite-micro unidirectional_sequence_lstm.cc and lstm_eval_common.cc, which reads
    neither peepholes nor what follows them, and computes tanh.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
    """
    cell = next(iter(op.options.values())).cell
    if op.code == BIDIRECTIONAL or not isinstance(cell, Lstm):
        return "TensorFlow Lite Micro has no op for it"
    gates = [gate for gate in (cell.input, cell.forget, cell.candidate, cell.output) if gate]
    lacks = {
        "peepholes": any(gate.peephole is not None for gate in gates),
        "layer norms": any(gate.layer_norm is not None for gate in gates),
        "projections": cell.projection is not None,
        "coupled gates": cell.input is None,
        f"the activation {cell.activation.lower()}": cell.activation != "TANH",
    }
    found = [what for what, has in lacks.items() if has]
    return f"the LSTM op of TensorFlow Lite Micro has no {found[0]}" if found else ""


def _why_not_lstm(cell: Lstm) -> str | None:
    gates = [gate for gate in (cell.input, cell.forget, cell.output) if gate is not None]
    if cell.candidate.peephole is not None:
        return "its candidate looks at the cell state, which the fused LSTM op does not do"
    if len({gate.peephole is None for gate in gates}) > 1:
        return "only some of its gates have peepholes; the fused LSTM op has all or none"
    if len({gate.layer_norm is None for gate in [*gates, cell.candidate]}) > 1:
        return "only some of its gates are normalized; the fused LSTM op normalizes all or none"
    outputs, units = cell.states
    if outputs > units:
        # lstm_eval.cc, CalculateLstmOutputFloat: n_batch * n_output floats are written to a
        # scratch of n_batch * n_cell. It corrupts the memory of the bidirectional op.
        return (
            f"its projection widens {units} units to {outputs}, and the fused LSTM op has no "
            "room for that"
        )
    if cell.projection is None and (cell.projection_bias is not None or cell.projection_clip):
        return "it biases or clips its output without a projection, unlike the fused LSTM op"
    return None
