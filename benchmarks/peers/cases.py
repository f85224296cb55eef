"""The models that are compared: their sizes, and their weights, which all forms and peers share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.gru import Gru
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn

Kind = Literal["LSTM", "GRU", "SimpleRNN"]
AnyCell = Lstm | Gru | SimpleRnn

#: The cells of a model: of each layer one, or one for each direction.
Stack = tuple[tuple[AnyCell, ...], ...]


@dataclass(frozen=True)
class Case:
    """A model.

    Attributes:
        kind: Of its cells.
        steps: T, the length of the sequence.
        features: F of the input [B, T, F].
        units: U of each layer and direction.
        layers: How many stand one behind the other.
        both: Whether each layer runs in both directions, their outputs joined.
        last: Whether the output is the last one, [B, U], or the whole sequence [B, T, U].
    """

    kind: Kind
    steps: int
    features: int
    units: int
    layers: int = 1
    both: bool = False
    last: bool = False

    def __str__(self) -> str:
        shape = ["", "2 x "][self.layers - 1] + ["", "both directions, "][self.both]
        end = ", last output" if self.last else ""
        return f"{shape}{self.kind} {self.steps}, {self.features}, {self.units}{end}"

    def stack(self) -> Stack:
        """Its cells, with random weights."""
        rng = np.random.default_rng(0)
        directions = 2 if self.both else 1
        widths = [self.features, *[self.units * directions] * (self.layers - 1)]
        return tuple(
            tuple(cell(self.kind, rng, width, self.units) for _ in range(directions))
            for width in widths
        )

    def x(self, batch: int) -> Array:
        """A random input [B, T, F], FLOAT32."""
        shape = (batch, self.steps, self.features)
        return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def cell(kind: Kind, rng: np.random.Generator, features: int, units: int) -> AnyCell:
    """A cell with random weights."""
    bound = units**-0.5

    def uniform(*shape: int) -> Array:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    def gate() -> Gate:
        return Gate(uniform(units, features), uniform(units, units), uniform(units))

    if kind == "LSTM":
        return Lstm(gate(), gate(), gate(), gate())
    if kind == "GRU":
        return Gru(gate(), gate(), gate(), reset_after=True, recurrent_bias=uniform(units))
    return SimpleRnn(uniform(units, features), uniform(units, units), uniform(units))


#: (T, F, U): steps, features, units.
SIZES = ((28, 28, 64), (100, 40, 128), (100, 128, 256), (100, 256, 512), (1000, 40, 128))

#: Beyond them; the stock conversion takes seconds a call there.
LONG = Case("LSTM", 4000, 80, 256)

#: One call is one step: what a streaming application does.
STEP = (1, 40, 128)

KINDS: tuple[Kind, ...] = ("LSTM", "GRU", "SimpleRNN")


def grid() -> Iterator[Case]:
    """Every case of the table."""
    for kind in KINDS:
        for sizes in (*SIZES, STEP):
            yield Case(kind, *sizes)
            if sizes != STEP:
                yield Case(kind, *sizes, last=True)
        for sizes in SIZES[:3]:
            for case in (Case(kind, *sizes, both=True), Case(kind, *sizes, layers=2)):
                yield case
                yield replace(case, last=True)
    yield LONG
