"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.patterns import OPTIONAL, activation
from rnnlite_pipeline.cells.cell import Array, Cell, Kernel, T, Weigh
from rnnlite_pipeline.cells.fusing import why_not_fused
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import register

#: The activations the kernels compute right, measured against `Recurrence.run` in
#: tests/lower/test_fused.py. They apply the activation to the candidate and to the cell state;
#: with NONE they leave the result uninitialized (tensor_utils.h, ApplyActivationToVector, returns
#: without copying). The schema has no SIGMOID to fuse.
FUSED_ACTIVATIONS = ("TANH", "RELU", "RELU6", "RELU_N1_TO_1")


@register
@dataclass(frozen=True, eq=False)
class Lstm(NamedCell):
    """Long short-term memory, every variant the runtime's fused op knows.

        i = sigmoid(input(x, h, c))          or 1 - f where `input` is None (coupled gates)
        f = sigmoid(forget(x, h, c))
        g = activation(candidate(x, h))
        c' = clip(f * c + i * g, cell_clip)
        o = sigmoid(output(x, h, c'))
        h' = clip(projection (o * activation(c')) + projection_bias, projection_clip)

    Source: LiteRT tflite/kernels/lstm_eval.cc, LstmStepFloat.

    Attributes:
        activation: A key of `functions.ACTIVATIONS`.
        projection: [O, U], or None for h' = o * activation(c').
        projection_bias: [O], or None.
        cell_clip: The bound of |c'|; 0 for none.
        projection_clip: The bound of |h'| after a projection; 0 for none.
    """

    kind: ClassVar[str] = "LSTM"
    article: ClassVar[str] = "an"
    letters: ClassVar[tuple[str, ...]] = ("h", "c")
    fused: ClassVar[str] = "LSTM"
    variables: ClassVar[tuple[str, ...]] = ("output_state", "cell_state")

    input: Gate | None
    forget: Gate
    candidate: Gate
    output: Gate
    activation: str = "TANH"
    projection: Array | None = None
    projection_bias: Array | None = None
    cell_clip: float = 0.0
    projection_clip: float = 0.0

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """(h, c) to (h', c')."""
        h, c = states
        i = None
        if self.input is not None:
            i = m.let("i", m.activation("SIGMOID", self.input.over(m, "i", x, h, c)), "input gate")
        f = m.let("f", m.activation("SIGMOID", self.forget.over(m, "f", x, h, c)), "forget gate")
        z = self.candidate.over(m, "g", x, h, c)
        g = m.let("g", m.activation(self.activation, z), "candidate")
        c = f * c + (m.one - f if i is None else i) * g
        c = m.new(1, "c", m.clip(c, self.cell_clip), "new cell state")
        o = m.let("o", m.activation("SIGMOID", self.output.over(m, "o", x, h, c)), "output gate")
        h = o * m.activation(self.activation, c)
        if self.projection is not None:
            h = m.times(h, self.projection, "P")
            if self.projection_bias is not None:
                h = m.shifted(h, self.projection_bias, "b_p")
            h = m.clip(h, self.projection_clip)
        return m.new(0, "h", h, "output"), c

    @classmethod
    def unknown(cls) -> Iterator[Self]:
        """Two forms, with coupled gates first: 1 - f would also be recognised as an input gate."""
        for gate in (None, Gate.unknown(peephole=True, layer_norm=True)):
            forget, output = (Gate.unknown(peephole=True, layer_norm=True) for _ in range(2))
            candidate = Gate.unknown(layer_norm=True)
            function = activation((*FUSED_ACTIVATIONS, "SIGMOID"))
            parts = (OPTIONAL(), OPTIONAL(), OPTIONAL(), OPTIONAL())
            yield cls(gate, forget, candidate, output, function, *parts)

    def completed(self) -> Self:
        """The fused op has all peepholes or none; it biases and clips what it projects."""
        names = [n for n in ("input", "forget", "output") if getattr(self, n) is not None]
        gates = {n: getattr(self, n) for n in names}
        if any(gate.peephole is not None for gate in gates.values()):
            gates = {n: _peeping(gate) for n, gate in gates.items()}
        whole = replace(self, **gates)
        if self.projection is None and (self.projection_bias is not None or self.projection_clip):
            whole = replace(whole, projection=np.eye(self.units))
        return whole

    @property
    def features(self) -> int:
        """F."""
        return int(self.forget.kernel.shape[1])

    @property
    def units(self) -> int:
        """U."""
        return int(self.forget.kernel.shape[0])

    @property
    def states(self) -> tuple[int, int]:
        """(O, U): the widths of h and of c."""
        return int(self.forget.recurrent.shape[1]), self.units

    @property
    def state_names(self) -> tuple[str, ...]:
        """Their usual names."""
        return self.letters

    @property
    def gates(self) -> dict[str, Gate]:
        """The gates it has, by the names they have in its fused op, in the op's order."""
        gates = {
            "input": self.input,
            "forget": self.forget,
            "cell": self.candidate,
            "output": self.output,
        }
        return {name: gate for name, gate in gates.items() if gate is not None}

    def facts(self) -> Mapping[str, Any]:
        """Its variant."""
        return {
            "peephole": self.forget.peephole is not None,
            "projection": self.projection is not None,
            "coupled_gates": self.input is None,
            "layer_norm": self.forget.layer_norm is not None,
            "cell_clip": self.cell_clip,
            "projection_clip": self.projection_clip,
        }

    # The fused op. Operand order: LiteRT tflite/kernels/lstm_shared.h and
    # bidirectional_sequence_lstm.cc.

    def why_not(self, kernel: Kernel) -> str:
        """Why a kernel of the fused op does not compute this cell; empty if it does."""
        if kernel == "integer":
            peepholes = any(gate.peephole is not None for gate in self.gates.values())
            return why_not_integer(self.activation, self.states, peepholes)
        return why_not_fused(self.kind, self.activation, FUSED_ACTIVATIONS) or self._why_not()

    def _why_not(self) -> str:
        gates = [gate for gate in (self.input, self.forget, self.output) if gate is not None]
        if self.candidate.peephole is not None:
            return "its candidate looks at the cell state, which the fused LSTM op does not do"
        if len({gate.peephole is None for gate in gates}) > 1:
            return "only some of its gates have peepholes; the fused LSTM op has all or none"
        if len({gate.layer_norm is None for gate in [*gates, self.candidate]}) > 1:
            return "only some of its gates are normalized; the fused LSTM op normalizes all or none"
        outputs, units = self.states
        if outputs > units:
            # lstm_eval.cc, CalculateLstmOutputFloat: n_batch * n_output floats are written to a
            # scratch of n_batch * n_cell. It corrupts the memory of the bidirectional op.
            return (
                f"its projection widens {units} units to {outputs}, and the fused LSTM op has no "
                "room for that"
            )
        if self.projection is None and (self.projection_bias is not None or self.projection_clip):
            return "it biases or clips its output without a projection, unlike the fused LSTM op"
        return ""

    def pairs_with(self, other: Cell) -> bool:
        """Equal widths, clips and variant, and no layer norm."""
        return (
            isinstance(other, Lstm)
            and self._variant() == other._variant()
            and self.forget.layer_norm is None
        )

    def _variant(self) -> tuple[object, ...]:
        """What both directions of a BIDIRECTIONAL_SEQUENCE_LSTM have in common."""
        bias = self.projection_bias is None
        return self.states, self.activation, bias, *self.facts().values()

    def operands(self, weigh: Weigh[T], x: T, states: Sequence[T]) -> list[T | None]:
        """24 operands, the last 4 the layer norm."""
        norms = [weigh("layer_norm", each) for each in self._each("layer_norm")]
        return [x, *self._weights(weigh, ""), *states, *norms]

    def paired_operands(
        self, weigh: Weigh[T], x: T, states: Sequence[T], backward: Cell
    ) -> list[T | None]:
        """48 operands, the last 9 the auxiliary input.

        The outputs stay two: merged, batch-major and with a batch over 1 the kernel strides the
        state by the merged width (lstm_eval.cc, EvalFloat) and writes out of bounds.
        """
        assert isinstance(backward, Lstm), "both directions are of one kind"
        weights = [*self._weights(weigh, "forward_"), *backward._weights(weigh, "backward_")]
        return [x, *weights, *states, *[None] * 9]

    def _each(self, part: str) -> list[Array | None]:
        """A part of the input, forget, candidate and output gate."""
        gates = (self.input, self.forget, self.candidate, self.output)
        return [getattr(gate, part, None) for gate in gates]

    def _weights(self, weigh: Weigh[T], prefix: str) -> list[T | None]:
        """The 17 weights of one direction."""

        def each(part: str, suffix: str) -> list[T | None]:
            names = ("input", "forget", "cell", "output")
            parts = zip(names, self._each(part), strict=True)
            return [weigh(f"{prefix}{name}_{suffix}", value) for name, value in parts]

        in_peep, forget_peep, _, out_peep = each("peephole", "peephole")
        return [
            *each("kernel", "kernel"),
            *each("recurrent", "recurrent_kernel"),
            in_peep,
            forget_peep,
            out_peep,
            *each("bias", "bias"),
            weigh(f"{prefix}projection", self.projection),
            weigh(f"{prefix}projection_bias", self.projection_bias),
        ]

    def options(self, time_major: bool) -> dict[str, Any]:
        """Those of the op in either form."""
        return {
            "fused_activation_function": self.activation,
            "cell_clip": float(self.cell_clip),
            "proj_clip": float(self.projection_clip),
            "time_major": time_major,
        }

    def paired_version(self, time_major: bool) -> int:
        """Batch-major is said by version 2 (schema.fbs, BidirectionalSequenceLSTMOptions)."""
        return 1 if time_major else 2

    @classmethod
    def of_operands(cls, operands: Sequence[Array | None], options: Mapping[str, Any]) -> Lstm:
        """The cell that a UNIDIRECTIONAL_SEQUENCE_LSTM with float weights computes.

        Args:
            operands: The operands' constants, None for those that are none or left out.
            options: The op's options.
        """
        arrays = [None if a is None else a.astype(float) for a in operands]
        arrays += [None] * (24 - len(arrays))

        def gate(slot: int, peephole: int | None) -> Gate | None:
            kernel, recurrent, bias = (arrays[k + slot] for k in (1, 5, 12))
            if kernel is None or recurrent is None:
                return None
            looks = None if peephole is None else arrays[peephole]
            bias = np.zeros(len(kernel)) if bias is None else bias
            return Gate(kernel, recurrent, bias, looks, arrays[20 + slot])

        forget, candidate, output = gate(1, 10), gate(2, None), gate(3, 11)
        assert forget is not None, "only the input gate can be left out"
        assert candidate is not None, "only the input gate can be left out"
        assert output is not None, "only the input gate can be left out"
        return cls(
            gate(0, 9),
            forget,
            candidate,
            output,
            activation=options["fused_activation_function"],
            projection=arrays[16],
            projection_bias=arrays[17],
            cell_clip=options["cell_clip"],
            projection_clip=options["proj_clip"],
        )


def why_not_integer(activation: str, states: Sequence[int], peepholes: bool) -> str:
    """Why the integer LSTM op does not compute a cell; empty if it does.

    Args:
        activation: Its name in TFLite.
        states: The widths of h and of c.
        peepholes: Whether it has any.
    """
    if activation != "TANH":
        return f"its activation is {activation.lower()}; the integer LSTM op computes tanh"
    if peepholes and states[0] != states[1]:
        # lstm_eval.cc, CalculateLstmGateInteger8x8_16: the peepholes' product takes the cell state
        # to be as wide as the output.
        return "its output is narrower than its cell, which the integer LSTM op's peepholes mistake"
    return ""


def _peeping(gate: Gate) -> Gate:
    """The gate with a peephole, of zeros if it had none."""
    return gate if gate.peephole is not None else replace(gate, peephole=np.zeros_like(gate.bias))
