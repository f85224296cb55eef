"""Recurrences as the runtime's fused ops, and what to tell the user where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, Recurrence
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.states import Producer, filled_with


def why_not_fused(recurrence: Recurrence) -> str | None:
    """Why no fused op computes `recurrence`, in one sentence for the user; None if one does."""
    return recurrence.cell.why_not("fused") or None


def why_not_integer(op: Op, used: set[Tensor], producer: Producer) -> str:
    """Why the fused op of a recurrence has no integer form; empty if it has.

    Args:
        op: RECURRENCE or BIDIRECTIONAL.
        used: The tensors that something reads.
        producer: The op that computes an initial state.
    """
    recurrence: Recurrence = next(iter(op.options.values()))
    cell = recurrence.cell
    if op.code == BIDIRECTIONAL:
        return f"the bidirectional {cell.kind} op has no integer form"
    if reason := cell.why_not("integer"):
        return reason
    x = op.inputs[0]
    if x is not None and x.shape and x.shape[1 if recurrence.time_major else 0] != OPEN:
        return ""
    if any(filled_with(initial, producer) is None for initial in op.inputs[1:]):
        return "its state starts from computed values, which it takes with a fixed batch only"
    if any(final in used for final in op.outputs[2:]):
        return "its final cell state is read, which it gives with a fixed batch only"
    return ""


def unidirectional(
    emit: Emitter, recurrence: Recurrence, x: Tensor, states: Sequence[Tensor], y: Tensor
) -> None:
    """Appends a UNIDIRECTIONAL_SEQUENCE_LSTM or _RNN, which runs forwards."""
    cell = recurrence.cell
    operands = cell.operands(emit.weight, x, states)
    options = cell.options(recurrence.time_major)
    emit.ops.append(make_op(fused_code(recurrence), operands, [y], **options))


def bidirectional(
    emit: Emitter,
    pair: tuple[Recurrence, Recurrence],
    x: Tensor,
    states: Sequence[Tensor],
    outputs: list[Tensor],
) -> None:
    """Appends a BIDIRECTIONAL_SEQUENCE_LSTM or _RNN with two outputs.

    Args:
        emit: Where it goes.
        pair: The recurrence that runs forwards, and the one that runs backwards.
        x: What both read.
        states: The forward states, then the backward ones.
        outputs: What each puts out.
    """
    forward, backward = pair
    cell, time_major = forward.cell, forward.time_major
    operands = cell.paired_operands(emit.weight, x, states, backward.cell)
    options = cell.options(time_major)
    code = fused_code(forward, paired=True)
    op = make_op(code, operands, outputs, merge_outputs=False, **options)
    op.version = cell.paired_version(time_major)
    emit.ops.append(op)


def fused_code(recurrence: Recurrence, *, paired: bool = False) -> str:
    """The fused op that computes a recurrence, or it and its partner."""
    return f"{'BI' if paired else 'UNI'}DIRECTIONAL_SEQUENCE_{recurrence.cell.fused}"
