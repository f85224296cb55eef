"""LSTM cells as operands of UNIDIRECTIONAL_ and BIDIRECTIONAL_SEQUENCE_LSTM.

Operand order: LiteRT tflite/kernels/lstm_shared.h and bidirectional_sequence_lstm.cc.
"""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.cells.recurrence import Lstm
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.emit import Emitter

Operands = list[Tensor | None]


def unidirectional(
    emit: Emitter, cell: Lstm, *, x: Tensor, states: list[Tensor], y: Tensor, time_major: bool
) -> None:
    """Appends a UNIDIRECTIONAL_SEQUENCE_LSTM: 24 operands, the last 4 the layer norm."""
    operands: Operands = [x, *_weights(emit, cell, ""), *states, *_layer_norm(emit, cell)]
    emit.ops.append(
        make_op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], **_options(cell, time_major))
    )


def bidirectional(
    emit: Emitter,
    cells: tuple[Lstm, Lstm],
    *,
    x: Tensor,
    states: list[Tensor],
    outputs: list[Tensor],
    time_major: bool,
) -> None:
    """Appends a BIDIRECTIONAL_SEQUENCE_LSTM: 48 operands, the last 9 the auxiliary input.

    The outputs stay two: merged, batch-major and with a batch over 1 the kernel strides the state
    by the merged width (lstm_eval.cc, EvalFloat) and writes out of bounds. Batch-major is said
    by version 2 of the op (schema.fbs, BidirectionalSequenceLSTMOptions).
    """
    forward, backward = cells
    operands: Operands = [
        x,
        *_weights(emit, forward, "forward_"),
        *_weights(emit, backward, "backward_"),
        *states,
        *[None] * 9,
    ]
    options = _options(forward, time_major)
    op = make_op("BIDIRECTIONAL_SEQUENCE_LSTM", operands, outputs, merge_outputs=False, **options)
    op.version = 1 if time_major else 2
    emit.ops.append(op)


def _weights(emit: Emitter, cell: Lstm, prefix: str) -> Operands:
    """The 17 weights of one direction; gates in the order input, forget, candidate, output."""
    gates = {
        "input": cell.input,
        "forget": cell.forget,
        "cell": cell.candidate,
        "output": cell.output,
    }

    def each(part: str, suffix: str) -> Operands:
        return [
            emit.weight(f"{prefix}{name}_{suffix}", getattr(gate, part, None))
            for name, gate in gates.items()
        ]

    in_peep, forget_peep, _, out_peep = each("peephole", "peephole")
    return [
        *each("kernel", "kernel"),
        *each("recurrent", "recurrent_kernel"),
        in_peep,
        forget_peep,
        out_peep,
        *each("bias", "bias"),
        emit.weight(f"{prefix}projection", cell.projection),
        emit.weight(f"{prefix}projection_bias", cell.projection_bias),
    ]


def _layer_norm(emit: Emitter, cell: Lstm) -> Operands:
    gates = [cell.input, cell.forget, cell.candidate, cell.output]
    return [emit.weight("layer_norm", gate.layer_norm if gate else None) for gate in gates]


def _options(cell: Lstm, time_major: bool) -> dict[str, Any]:
    return {
        "fused_activation_function": cell.activation,
        "cell_clip": float(cell.cell_clip),
        "proj_clip": float(cell.projection_clip),
        "time_major": time_major,
    }
