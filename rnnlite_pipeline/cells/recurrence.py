"""What a recurrent layer computes, apart from how any framework spelled it.

A `Recurrence` is the contract between the rooms: `recognise` makes it, `transform` groups and
lays it out, `lower` writes it as a fused op or a loop, and every lowering and every test is held
to its `run`, which computes it in float64.

Axes are named: B batch, T time, F input features, U units (the cell state's width),
O outputs (the hidden state's width; U unless there is a projection).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: The op code that stands for a `Recurrence` in a graph between recognise and lower.
#: Inputs: x, then one initial state for each of `cell.states` (None: zeros).
#: Outputs: y, then one final state for each of `cell.states`, each a Tensor.
#: Options: {"recurrence": Recurrence}.
RECURRENCE = "rnnlite.RECURRENCE"

#: The op code of a forward and a backward recurrence that read the same x.
#: Inputs: x, forward initial states, backward initial states.
#: Outputs: forward y, forward final states, backward y, backward final states.
#: Options: {"forward": Recurrence, "backward": Recurrence}.
BIDIRECTIONAL = "rnnlite.BIDIRECTIONAL"

#: Layer normalization's epsilon in the runtime's LSTM kernels (tensor_utils.cc,
#: kNormalizationConstant of MeanStddevNormalization).
LAYER_NORM_EPSILON = 1e-8


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


#: Activations by their TFLite name (schema.fbs, ActivationFunctionType), and the linear one.
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "NONE": lambda z: z,
    "RELU": lambda z: np.maximum(z, 0.0),
    "RELU_N1_TO_1": lambda z: np.clip(z, -1.0, 1.0),
    "RELU6": lambda z: np.clip(z, 0.0, 6.0),
    "TANH": np.tanh,
    "SIGMOID": sigmoid,
}


@dataclass(frozen=True, eq=False)
class Gate:
    """One affine map of the cell: `kernel x + recurrent h + peephole * c + bias`.

    With `layer_norm` the sum without the bias is normalized over units, scaled by
    `layer_norm`, and the bias added after (lstm_eval.cc, CalculateLstmGateFloat).

    Attributes:
        kernel: [U, F].
        recurrent: [U, O].
        bias: [U].
        peephole: [U], the diagonal on the cell state, or None.
        layer_norm: [U], or None.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    peephole: Array | None = None
    layer_norm: Array | None = None

    def __call__(self, x: Array, h: Array, c: Array) -> Array:
        """The gate before its nonlinearity: x [B, F], h [B, O], c [B, U] to [B, U]."""
        z = x @ self.kernel.T + h @ self.recurrent.T
        if self.peephole is not None:
            z = z + c * self.peephole
        if self.layer_norm is not None:
            deviation = z - z.mean(axis=-1, keepdims=True)
            variance = np.mean(deviation**2, axis=-1, keepdims=True)
            z = deviation / np.sqrt(variance + LAYER_NORM_EPSILON) * self.layer_norm
        return np.asarray(z + self.bias)


class Cell(Protocol):
    """One step of a recurrence. Its first state is what it puts out."""

    @property
    def kind(self) -> str:
        """The cell's name as its author knows it."""
        ...

    @property
    def features(self) -> int:
        """F."""
        ...

    @property
    def states(self) -> tuple[int, ...]:
        """The width of each state, the output's first."""
        ...

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """x [B, F] and the states [B, width] before the step, to the states after it."""
        ...


@dataclass(frozen=True, eq=False)
class Lstm:
    """Long short-term memory, every variant the runtime's fused op knows.

        i = sigmoid(input(x, h, c))          or 1 - f where `input` is None (coupled gates)
        f = sigmoid(forget(x, h, c))
        g = activation(candidate(x, h))
        c' = clip(f * c + i * g, cell_clip)
        o = sigmoid(output(x, h, c'))
        h' = clip(projection (o * activation(c')) + projection_bias, projection_clip)

    Source: LiteRT tflite/kernels/lstm_eval.cc, LstmStepFloat.

    Attributes:
        activation: A key of `ACTIVATIONS`.
        projection: [O, U], or None for h' = o * activation(c').
        projection_bias: [O], or None.
        cell_clip: The bound of |c'|; 0 for none.
        projection_clip: The bound of |h'| after a projection; 0 for none.
    """

    kind: ClassVar[str] = "LSTM"

    input: Gate | None
    forget: Gate
    candidate: Gate
    output: Gate
    activation: str = "TANH"
    projection: Array | None = None
    projection_bias: Array | None = None
    cell_clip: float = 0.0
    projection_clip: float = 0.0

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

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, Array]:
        """x [B, F], (h [B, O], c [B, U]) to (h' [B, O], c' [B, U])."""
        h, c = states
        act = ACTIVATIONS[self.activation]
        f = sigmoid(self.forget(x, h, c))
        i = 1.0 - f if self.input is None else sigmoid(self.input(x, h, c))
        c = _clip(f * c + i * act(self.candidate(x, h, c)), self.cell_clip)
        m = sigmoid(self.output(x, h, c)) * act(c)
        if self.projection is None:
            return m, c
        h = m @ self.projection.T
        if self.projection_bias is not None:
            h = h + self.projection_bias
        return _clip(h, self.projection_clip), c


@dataclass(frozen=True, eq=False)
class SimpleRnn:
    """h' = activation(kernel x + recurrent h + bias).

    Attributes:
        kernel: [U, F].
        recurrent: [U, U].
        bias: [U].
        activation: A key of `ACTIVATIONS`.
    """

    kind: ClassVar[str] = "SimpleRNN"

    kernel: Array
    recurrent: Array
    bias: Array
    activation: str = "TANH"

    @property
    def features(self) -> int:
        """F."""
        return int(self.kernel.shape[1])

    @property
    def states(self) -> tuple[int]:
        """(U,): the width of h."""
        return (int(self.kernel.shape[0]),)

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array]:
        """x [B, F], (h [B, U],) to (h' [B, U],)."""
        z = x @ self.kernel.T + states[0] @ self.recurrent.T + self.bias
        return (ACTIVATIONS[self.activation](z),)


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A cell run over a sequence.

    Attributes:
        name: The layer's name as its author knows it.
        cell: What one step computes.
        reverse: Whether it runs from the last step to the first. y stays aligned with x:
            y[t] is what the step that read x[t] put out.
        time_major: Whether x and y are [T, B, ...] rather than [B, T, ...].
    """

    name: str
    cell: Cell
    reverse: bool = False
    time_major: bool = True

    def run(self, x: Array, initial: Sequence[Array | None] = ()) -> tuple[Array, ...]:
        """The whole sequence in float64: the specification of every lowering.

        Args:
            x: [T, B, F] if time_major, else [B, T, F].
            initial: A state [B, width] for each of `cell.states`; None or missing: zeros.

        Returns:
            y in x's layout with O in place of F, then each final state [B, width].
        """
        steps = np.asarray(x, np.float64)
        steps = steps if self.time_major else steps.swapaxes(0, 1)
        given = [*initial, *[None] * len(self.cell.states)]
        states = tuple(
            np.zeros((steps.shape[1], width)) if h is None else np.asarray(h, np.float64)
            for width, h in zip(self.cell.states, given, strict=False)
        )
        y = np.zeros((*steps.shape[:2], self.cell.states[0]))
        order = range(len(steps))
        for t in reversed(order) if self.reverse else order:
            states = self.cell.step(steps[t], states)
            y[t] = states[0]
        return (y if self.time_major else y.swapaxes(0, 1), *states)


def _clip(z: Array, bound: float) -> Array:
    return np.clip(z, -bound, bound) if bound > 0 else z
