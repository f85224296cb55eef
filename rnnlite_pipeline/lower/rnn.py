"""Simple RNN cells as operands of UNIDIRECTIONAL_ and BIDIRECTIONAL_SEQUENCE_RNN.

Operand order: LiteRT tflite/kernels/unidirectional_sequence_rnn.cc and
bidirectional_sequence_rnn.cc.
"""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.cells.recurrence import SimpleRnn
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.emit import Emitter

Operands = list[Tensor | None]


def unidirectional(
    emit: Emitter, cell: SimpleRnn, *, x: Tensor, states: list[Tensor], y: Tensor, time_major: bool
) -> None:
    """Appends a UNIDIRECTIONAL_SEQUENCE_RNN of 5 operands."""
    operands: Operands = [x, *_weights(emit, cell, ""), *states]
    options = _options(cell, time_major)
    emit.ops.append(make_op("UNIDIRECTIONAL_SEQUENCE_RNN", operands, [y], **options))


def bidirectional(
    emit: Emitter,
    cells: tuple[SimpleRnn, SimpleRnn],
    *,
    x: Tensor,
    states: list[Tensor],
    outputs: list[Tensor],
    time_major: bool,
) -> None:
    """Appends a BIDIRECTIONAL_SEQUENCE_RNN of 12 operands, the last 3 the auxiliary input."""
    (forward, backward), (forward_state, backward_state) = cells, states
    operands: Operands = [
        x,
        *_weights(emit, forward, "forward_"),
        forward_state,
        *_weights(emit, backward, "backward_"),
        backward_state,
        *[None] * 3,
    ]
    options = _options(forward, time_major)
    emit.ops.append(
        make_op("BIDIRECTIONAL_SEQUENCE_RNN", operands, outputs, merge_outputs=False, **options)
    )


def _weights(emit: Emitter, cell: SimpleRnn, prefix: str) -> Operands:
    return [
        emit.weight(f"{prefix}kernel", cell.kernel),
        emit.weight(f"{prefix}recurrent_kernel", cell.recurrent),
        emit.weight(f"{prefix}bias", cell.bias),
    ]


def _options(cell: SimpleRnn, time_major: bool) -> dict[str, Any]:
    return {"fused_activation_function": cell.activation, "time_major": time_major}
