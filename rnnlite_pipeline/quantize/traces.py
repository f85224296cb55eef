"""The ranges of what a fused LSTM op keeps to itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.cells.lstm import Lstm
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
    """The cell of a UNIDIRECTIONAL_SEQUENCE_LSTM with float weights."""
    constants = [None if tensor is None else tensor.array for tensor in op.inputs]
    return Lstm.of_operands(constants, op.options)


@dataclass
class _Watched(Numbers):
    """The algebra of numbers, which notes what no output of the op shows.

    Attributes:
        hidden: The values of o * activation(c').
        sums: max |z| of each gate before its layer norm, by the gate's name.
    """

    hidden: Array = field(default_factory=lambda: np.zeros(0))
    sums: dict[str, float] = field(default_factory=dict)

    def times(self, value: Array, matrix: Array, name: str) -> Array:
        """Notes what is projected."""
        if name == "P":
            self.hidden = value
        return super().times(value, matrix, name)

    def normalized(self, value: Array, scale: Array, name: str) -> Array:
        """Notes what is normalized."""
        self.sums[name] = float(np.abs(value).max(initial=0.0))
        return super().normalized(value, scale, name)


def trace(
    op: Op, x: NDArray[np.float32], initial: tuple[ArrayLike, ArrayLike] = (0.0, 0.0)
) -> Trace:
    """Runs the op's cell over x and notes its inner values.

    Args:
        op: A UNIDIRECTIONAL_SEQUENCE_LSTM with float weights.
        x: [T, B, F] if its option time_major is set, else [B, T, F].
        initial: What h and c hold at the start, [B or 1, width], or one number for all.
    """
    cell = cell_of(op)
    steps = x if op.options["time_major"] else x.swapaxes(0, 1)
    rows = steps.shape[1]
    h, c = (np.full((rows, n), v, float) for n, v in zip(cell.states, initial, strict=True))
    peak, hidden = float(np.abs(c).max(initial=0.0)), [0.0]
    gates = np.zeros(4)
    for now in steps.astype(np.float64):
        watched = _Watched()
        h, c = cell.over(watched, now, h, c)
        m = h if cell.projection is None else watched.hidden
        gates = np.maximum(gates, [watched.sums.get(f"l_{name}", 0.0) for name in "ifgo"])
        peak = max(peak, float(np.abs(c).max(initial=0.0)))
        hidden += [float(m.min(initial=0.0)), float(m.max(initial=0.0))]
    i, f, g, o = map(float, gates)
    return Trace(peak, (min(hidden), max(hidden)), (i, f, g, o))
