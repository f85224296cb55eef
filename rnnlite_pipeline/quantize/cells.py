"""A fused LSTM op as the cell it computes, and the ranges of what it keeps to itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import ACTIVATIONS, Gate, Lstm, sigmoid
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.quantize.numbers import steady

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """The largest magnitudes and the range an LSTM's inner values took.

    Attributes:
        cell: max |c|.
        hidden: The range of o * activation(c), which the projection reads.
        gates: max |z| of the input, forget, candidate and output gate before the layer norm.
    """

    cell: float
    hidden: tuple[float, float]
    gates: tuple[float, float, float, float]

    def __or__(self, other: Trace) -> Trace:
        low, high = zip(self.hidden, other.hidden, strict=True)
        gates = tuple(map(max, zip(self.gates, other.gates, strict=True)))
        return Trace(max(self.cell, other.cell), (min(low), max(high)), gates)  # type: ignore[arg-type]

    def steady(self) -> Trace:
        """The same, whatever CPU it was computed on."""
        low, high = self.hidden
        gates = tuple(map(steady, self.gates))
        return Trace(steady(self.cell), (steady(low), steady(high)), gates)  # type: ignore[arg-type]


def cell_of(op: Op) -> Lstm:
    """The cell of a UNIDIRECTIONAL_SEQUENCE_LSTM with float weights (lstm_shared.h)."""
    operands = [*op.inputs, *[None] * (24 - len(op.inputs))]
    arrays = [None if t is None or t.array is None else t.array.astype(float) for t in operands]
    units = arrays[2].shape[0]  # type: ignore[union-attr]

    def gate(slot: int, peephole: int | None) -> Gate | None:
        if arrays[1 + slot] is None:
            return None
        bias = arrays[12 + slot]
        return Gate(
            arrays[1 + slot],  # type: ignore[arg-type]
            arrays[5 + slot],  # type: ignore[arg-type]
            np.zeros(units) if bias is None else bias,
            None if peephole is None else arrays[peephole],
            arrays[20 + slot],
        )

    forget, candidate, output = gate(1, 10), gate(2, None), gate(3, 11)
    assert forget is not None and candidate is not None and output is not None  # noqa: PT018
    return Lstm(
        gate(0, 9),
        forget,
        candidate,
        output,
        activation=op.options["fused_activation_function"],
        projection=arrays[16],
        projection_bias=arrays[17],
        cell_clip=op.options["cell_clip"],
        projection_clip=op.options["proj_clip"],
    )


def trace(op: Op, x: NDArray[np.float32], initial: tuple[float, float] = (0.0, 0.0)) -> Trace:
    """Runs the op's cell over x and notes its inner values.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM with float weights.
        x: [T, B, F] if its option time_major is set, else [B, T, F].
        initial: The numbers h and c hold at the start.
    """
    cell = cell_of(op)
    steps = x if op.options["time_major"] else x.swapaxes(0, 1)
    h, c = (np.full((steps.shape[1], n), v) for n, v in zip(cell.states, initial, strict=True))
    peak, hidden = abs(initial[1]), [0.0]
    gates = np.zeros(4)
    for now in steps.astype(np.float64):
        before = c
        sums = [_sum(g, now, h, before) for g in (cell.input, cell.forget, cell.candidate)]
        h, c = cell.step(now, (h, c))
        sums.append(_sum(cell.output, now, h, c))
        m = sigmoid(cell.output(now, h, c)) * ACTIVATIONS[cell.activation](c)
        gates = np.maximum(gates, sums)
        peak = max(peak, float(np.abs(c).max(initial=0.0)))
        hidden += [float(m.min(initial=0.0)), float(m.max(initial=0.0))]
    i, f, g, o = map(float, gates)
    return Trace(peak, (min(hidden), max(hidden)), (i, f, g, o))


def _sum(gate: Gate | None, x: Array, h: Array, c: Array) -> float:
    """max |z| before the layer norm."""
    if gate is None or gate.layer_norm is None:
        return 0.0
    z = x @ gate.kernel.T + h @ gate.recurrent.T
    if gate.peephole is not None:
        z = z + c * gate.peephole
    return float(np.abs(z).max(initial=0.0))
