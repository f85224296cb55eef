"""The ranges of what a fused LSTM op keeps to itself.

The integer kernels add up a gate in int16: first W x and the bias, then R h, then the peephole.
Each sum ends at the limits of int16 (lstm_eval.cc, CalculateLstmGateInteger8x8_16;
portable_tensor_utils.cc, PortableMatrixBatchVectorMultiplyAccumulateImpl). TFLM's kernel ends each
product, and then the sum (tensorflow/lite/micro/kernels/lstm_eval.h, CalculateLstmGate). So a part
may end there although the whole gate is small:

1. With a layer norm the sums have a scale of their own: it must hold every part.
2. Without one their scale is 2^-12, and they end at 8: what a gate loses is noted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlite_pipeline.algebra.functions import ACTIVATIONS
from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.quantize.numbers import steady

Array = NDArray[np.float64]

#: Where a gate's sum ends without a layer norm.
_END = 32767 * 2.0**-12


@dataclass(frozen=True)
class Trace:
    """The largest magnitudes and the range an LSTM's inner values took.

    Attributes:
        cell: max |c|.
        hidden: The range of o * activation(c), which the projection reads.
        gates: max |z| of the input, forget, candidate and output gate before the layer norm, and
            of the parts of each (rule 1).
        lost: How far any gate is from its value where the sums of its parts end (rule 2).
    """

    cell: float
    hidden: tuple[float, float]
    gates: tuple[float, float, float, float]
    lost: float = 0.0

    def __or__(self, other: Trace) -> Trace:
        low, high = zip(self.hidden, other.hidden, strict=True)
        gates = tuple(map(max, zip(self.gates, other.gates, strict=True)))
        cell, lost = max(self.cell, other.cell), max(self.lost, other.lost)
        return Trace(cell, (min(low), max(high)), gates, lost)  # type: ignore[arg-type]

    def steady(self) -> Trace:
        """The same, whatever CPU it was computed on."""
        low, high = self.hidden
        gates = tuple(map(steady, self.gates))
        hidden = steady(low), steady(high)
        return Trace(steady(self.cell), hidden, gates, self.lost)  # type: ignore[arg-type]


def cell_of(op: Op) -> Lstm:
    """The cell of a UNIDIRECTIONAL_SEQUENCE_LSTM with float weights."""
    constants = [None if tensor is None else tensor.array for tensor in op.inputs]
    return Lstm.of_operands(constants, op.options)


@dataclass
class _Watched(Numbers):
    """The algebra of numbers, which notes what no output of the op shows.

    Attributes:
        hidden: The values of o * activation(c').
        sums: max |z| of each gate before its layer norm, and of its parts, by the gate's letter.
        lost: `Trace.lost`.
    """

    hidden: Array = field(default_factory=lambda: np.zeros(0))
    sums: dict[str, float] = field(default_factory=dict)
    lost: float = 0.0
    _parts: dict[str, list[Array]] = field(default_factory=dict)

    def times(self, value: Array, matrix: Array, name: str) -> Array:
        """Notes what is projected, and the parts of gates."""
        if name == "P":
            self.hidden = value
        return self._noted(super().times(value, matrix, name), name)

    def scaled(self, value: Array, diagonal: Array, name: str) -> Array:
        """Notes peepholes."""
        return self._noted(super().scaled(value, diagonal, name), name)

    def normalized(self, value: Array, scale: Array, name: str) -> Array:
        """Notes what is normalized."""
        gate = name[-1]
        sums = [*np.cumsum(self._parts[gate], axis=0), *self._parts.pop(gate)]
        self.sums[gate] = max(float(np.abs(z).max(initial=0.0)) for z in sums)
        return super().normalized(value, scale, name)

    def shifted(self, value: Array, bias: Array, name: str) -> Array:
        """Notes what a gate without a layer norm loses."""
        whole = super().shifted(value, bias, name)
        if parts := self._parts.pop(name[-1], None):
            parts[0] = parts[0] + bias
            function = ACTIVATIONS["TANH" if name[-1] == "g" else "SIGMOID"]
            exact = function(_ended(whole))
            for ended in (_added(parts), _added([_ended(part) for part in parts])):
                lost = np.abs(function(ended) - exact)
                self.lost = max(self.lost, float(lost.max(initial=0.0)))
        return whole

    def _noted(self, value: Array, name: str) -> Array:
        if name[:2] in ("W_", "R_", "p_"):
            self._parts.setdefault(name[2:], []).append(value)
        return value


def _ended(value: Array) -> Array:
    return np.clip(value, -_END, _END)


def _added(parts: Iterable[Array]) -> Array:
    """The sum of the parts, one after the other, each sum ended."""
    return functools.reduce(lambda z, part: _ended(z + part), parts, np.zeros(()))


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
    gates, lost = np.zeros(4), 0.0
    for now in steps.astype(np.float64):
        watched = _Watched()
        h, c = cell.over(watched, now, h, c)
        m = h if cell.projection is None else watched.hidden
        gates = np.maximum(gates, [watched.sums.get(name, 0.0) for name in "ifgo"])
        lost = max(lost, watched.lost)
        peak = max(peak, float(np.abs(c).max(initial=0.0)))
        hidden += [float(m.min(initial=0.0)), float(m.max(initial=0.0))]
    i, f, g, o = map(float, gates)
    return Trace(peak, (min(hidden), max(hidden)), (i, f, g, o), lost)
