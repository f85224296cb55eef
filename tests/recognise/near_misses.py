"""Steps that are almost an LSTM's: each differs in a single place."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.ir import Tensor
from tests.recognise.spelling import Parts, Step


class HardSigmoid(Step):
    """Gates are clip(0.2 z + 0.5, 0, 1)."""

    def sigmoid(self, z: Tensor) -> Tensor:
        """Piecewise linear."""
        line = self.add(self.times(z, self.constant(0.2)), self.constant(0.5))
        under = self.build.binary("MINIMUM", line, self.constant(1.0))
        return self.build.binary("MAXIMUM", under, self.constant(0.0))


class TwiceTheCandidate(Step):
    """c' = f*c + 2*i*g."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """The candidate doubled."""
        f, i = (self.gate(cell, n, z, taken, c) for n in ("forget", "input"))
        g = self.times(self.constant(2.0), self.build.unary("TANH", z["candidate"]))
        return self.add(self.times(f, c), self.times(i, g))


class CellWithConstant(Step):
    """c' = f*c + i*g + 0.1."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """A constant added."""
        return self.add(super().new_cell(cell, z, taken, c), self.constant(0.1))


class CellWithoutForgetting(Step):
    """c' = c + i*g."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """No forget gate."""
        i = self.gate(cell, "input", z, taken, c)
        return self.add(c, self.times(i, self.build.unary("TANH", z["candidate"])))


class OutputWithoutCell(Step):
    """h' = o*tanh(z), which does not read c'."""

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """The input gate's argument in the cell's place."""
        return self.times(
            self.gate(cell, "output", z, taken, c), self.build.unary("TANH", z["input"])
        )


class MixedActivations(Step):
    """h' = o*relu(c') with g = tanh(z)."""

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """Another activation than the candidate's."""
        return self.times(self.gate(cell, "output", z, taken, c), self.build.unary("RELU", c))


class SquaredOutput(Step):
    """h' = m + m*m with m = o*tanh(c')."""

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """A square added."""
        m = super().emission(cell, z, taken, c)
        return self.add(m, self.times(m, m))


class AsymmetricClip(Step):
    """c' is clipped to [-1, 2]."""

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """Two bounds that differ."""
        under = self.build.binary("MINIMUM", z, self.constant(2.0 * bound))
        return self.build.binary("MAXIMUM", under, self.constant(-bound))


class OneSidedClip(Step):
    """c' is clipped from above alone."""

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """One bound."""
        return self.build.binary("MINIMUM", z, self.constant(bound))


class NonlinearState(Step):
    """The gates read tanh(h)."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """The state through a nonlinearity."""
        return super().gates(cell, x, self.build.unary("TANH", h))


class StateTimesInput(Step):
    """The gates read h*h."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """The square of the state."""
        return super().gates(cell, x, self.build.unary("SQUARE", h))


class FullPeephole(Step):
    """Each gate multiplies c by a full matrix."""

    def gate(self, cell: Lstm, name: str, z: Parts, _taken: Parts, c: Tensor) -> Tensor:
        """A matrix in the peephole's place."""
        full = self.product(c, 0.5 * getattr(cell, name).recurrent)
        return self.sigmoid(self.add(z[name], full))


class OutputLooksBack(Step):
    """The output gate looks at c before the step, not after it."""

    def write(self, cell: Lstm | SimpleRnn, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """Keeps the old c for the output gate."""
        self._old = states[1]
        return super().write(cell, x, states)

    def emission(self, _cell: Lstm, z: Parts, _taken: Parts, c: Tensor) -> Tensor:
        """A peephole on the old c."""
        looked = self.add(z["output"], self.times(self._old, self.constant(np.full(2, 0.5))))
        return self.times(self.sigmoid(looked), self.build.unary("TANH", c))


class CandidateLooks(Step):
    """The candidate has a peephole."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """g = tanh(z + 0.5 c)."""
        looked = self.add(z["candidate"], self.times(c, self.constant(0.5)))
        return super().new_cell(cell, z | {"candidate": looked}, taken, c)


class UnknownOp(Step):
    """c' goes through an op that no cell has."""

    def clipped(self, z: Tensor, _bound: float) -> Tensor:
        """A running sum over the units."""
        return self.build.op("CUMSUM", [z, self.build.indices(1)], "FLOAT32", z.shape)


class Gru(Step):
    """h' = z*h + (1-z)*tanh(W x + R (r*h)); written from an LSTM's weights."""

    def write(self, cell: Lstm | SimpleRnn, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """One state, whose candidate reads it through the reset gate."""
        assert isinstance(cell, Lstm)
        assert cell.input is not None
        h, c = states
        update = self.sigmoid(self.affine({"input": cell.input}, x, h))
        reset = self.sigmoid(self.affine({"output": cell.output}, x, h))
        new = self.build.unary(
            "TANH", self.affine({"candidate": cell.candidate}, x, self.times(reset, h))
        )
        h = self.add(self.times(update, h), self.times(self.one_minus(update), new))
        return [h, self.add(c, h)]


class FirstRowOnly(Step):
    """The first batch entry's h is added to every entry's."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """h + h[0:1]."""
        places = map(self.build.indices, ([0, 0], [1, 2], [1, 1]))
        first = self.build.op("STRIDED_SLICE", [h, *places], "FLOAT32", (1, 2))
        return super().gates(cell, x, self.add(h, first))


class FirstRowsOnly(Step):
    """As `FirstRowOnly`, by a slice that names the batch alone."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """h + h[:1]."""
        places = map(self.build.indices, ([0], [1], [1]))
        first = self.build.op("STRIDED_SLICE", [h, *places], "FLOAT32", (1, 2))
        return super().gates(cell, x, self.add(h, first))


class ColumnOfConstants(Step):
    """Each batch entry's h is scaled by a number of its own."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """A constant [B, 1], which is no row."""
        return super().gates(cell, x, self.times(h, self.constant([[1.0], [0.5]])))


class SumOverUnits(Step):
    """The gates read h plus, in each column, the sum over another batch entry's units."""

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """A sum [B] without its axis, which broadcasts along the batch."""
        axes = self.build.indices([1])
        total = self.build.op("SUM", [h, axes], "FLOAT32", (2,), keep_dims=False)
        return super().gates(cell, x, self.add(h, total))


class TwoCeilings(Step):
    """c' is clipped to [-1, 1] after a ceiling of 0.5."""

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """min(max(min(z, 0.5), -1), 1) is not min(max(z, -1), 1)."""
        under = self.build.binary("MINIMUM", z, self.constant(0.5 * bound))
        return super().clipped(under, bound)


class TwoEqualFloors(Step):
    """c' is clipped to [-1, 1], then to at most 0.5."""

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """min(min(max(z, -1), 1), 0.5)."""
        return self.build.binary("MINIMUM", super().clipped(z, bound), self.constant(0.5 * bound))


class ClipOfRelu(Step):
    """c' goes through RELU_N1_TO_1, then below 0.5 and above -0.5."""

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """A clip of a clip: the narrower counts."""
        return super().clipped(self.build.unary("RELU_N1_TO_1", z), 0.5 * bound)


class BeginFromData(Step):
    """Joined gates are sliced at a place that no shape arithmetic gives."""

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        """A begin that is cast from a real number."""
        real = self.build.constant("begin", np.array(float(start), np.float32))
        items = [self.build.indices(0), self.build.op("CAST", [real], "INT32", ())]
        begin = self.build.op("PACK", items, "INT32", (2,), values_count=2)
        places = [begin, self.build.indices([0, stop]), self.build.indices([1, 1])]
        shape = ((x.shape or ())[0], stop - start)
        return self.build.op(
            "STRIDED_SLICE", [x, *places], "FLOAT32", shape, begin_mask=1, end_mask=1
        )
