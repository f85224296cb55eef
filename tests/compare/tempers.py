"""Recurrences of every temper: what validation must see a fault in, and must not refuse.

A temper is what a recurrence does to numbers: it forgets them, blows roundings up, overflows,
saturates, or hardly moves at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.ir import OPEN, Model
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.recognise.loop.rewrite import replace_loop
from rnnlite_pipeline.recognise.unrolled.chains import Straight, chains
from rnnlite_pipeline.recognise.unrolled.rewrite import replace_chain
from tests.recognise import near_misses as near
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import lstm, simple_rnn
from tests.recognise.test_masks import author as masked_author
from tests.recognise.unrolled_author import Unrolled, Unrolling

Cell = Lstm | SimpleRnn

#: How many steps a closed length has.
CLOSED = 60

GATES = ("input", "forget", "candidate", "output")


@dataclass(frozen=True)
class Temper:
    """What is done to a cell's weights.

    Attributes:
        weights: Every kernel and recurrent kernel is multiplied by it.
        bias: It is added to the bias of every gate but the candidate's.
        scale: Of the cell's state: a clip of a third of it makes a difference.
    """

    weights: float = 1.0
    bias: float = 0.0
    scale: float = 1.0

    def of(self, cell: Cell) -> Cell:
        """The cell of this temper."""
        if isinstance(cell, SimpleRnn):
            return replace(
                cell,
                kernel=cell.kernel * self.weights,
                recurrent=cell.recurrent * self.weights,
                bias=cell.bias * min(self.weights, 1.0) + self.bias,
            )
        gates: dict[str, Any] = {
            n: self._gate(n, g) for n in GATES if (g := getattr(cell, n)) is not None
        }
        return replace(cell, **gates)

    def _gate(self, name: str, gate: Gate) -> Gate:
        bias = self.bias if name != "candidate" else 0.0
        return replace(
            gate,
            kernel=gate.kernel * self.weights,
            recurrent=gate.recurrent * self.weights,
            bias=gate.bias * min(self.weights, 1.0) + bias,
        )


TEMPERS = {
    "well-behaved": Temper(),
    "chaotic": Temper(weights=6.0),
    "saturating": Temper(weights=100.0),
    "tiny": Temper(weights=0.1, scale=0.1),
    "deep bias": Temper(bias=-4.0, scale=1e-2),
}

#: How far off a planted entry is, as a part of its matrix's scale.
ERROR = 0.01

#: The same, where a hundredth makes no difference. In a GRU with weights of 0.05, a reset gate's
#: bias that is off by 3e-4 moves the gate by 8e-5, the candidate by 0.05 of that, and the state by
#: half of that: 2e-6 of its scale, on any numbers.
FAINT = dict.fromkeys(("gru, tiny", "gru last, tiny"), 0.1)

#: Makes a model of one cell: closed or open length.
Maker: TypeAlias = Callable[[Temper, bool], tuple[Model, Cell]]


def spelled(closed: bool, **how: Any) -> Spelling:
    """Every state is an output, and the last item alone is kept of the sequence if asked for."""
    sizes: dict[str, Any] = {"steps": CLOSED, "trip": "constant"} if closed else {}
    return replace(Spelling(**how), **sizes)


def loop(cell: Cell, step: type[Step] = Step, **how: Any) -> Maker:
    """A WHILE around the cell."""

    def make(temper: Temper, closed: bool) -> tuple[Model, Cell]:
        tempered = temper.of(cell)
        return Author([tempered], spelled(closed, **how), step).model(), tempered

    return make


def masked(cell: Cell, read: Any, use: Any, **how: Any) -> Maker:
    """A WHILE that skips masked steps."""

    def make(temper: Temper, closed: bool) -> tuple[Model, Cell]:
        tempered = temper.of(cell)
        length = CLOSED if closed else OPEN
        return masked_author(tempered, spelled(closed, **how), read, use, length).model(), tempered

    return make


def unrolled(cell: Cell, **how: Any) -> Maker:
    """Steps written out, many or few."""

    def make(temper: Temper, closed: bool) -> tuple[Model, Cell]:
        tempered = temper.of(cell)
        steps = 40 if closed else 5
        return Unrolled([tempered], Spelling(), Unrolling(steps=steps, **how)).model(), tempered

    return make


#: Recurrences by name; each is made in every temper. Those named "last" give their final output
#: alone, which is where a long sequence hides most.
MAKERS: dict[str, Maker] = {
    "lstm": loop(lstm(2), initial="input"),
    "lstm last": loop(lstm(3), write="last", finals=False),
    "lstm backward": loop(lstm(4), read="backward", write="backward"),
    "lstm peephole": loop(lstm(5, peephole=True), initial="input"),
    "lstm coupled": loop(lstm(6, coupled=True), write="last"),
    "lstm projection": loop(lstm(7, units=4, outputs=3), initial="input"),
    "lstm joined states": loop(lstm(8), states="h|c", write="last"),
    "simple rnn": loop(simple_rnn(9), initial="input"),
    "simple rnn last": loop(simple_rnn(10), write="last", finals=False),
    "gru": loop(lstm(11, units=2, features=2), near.Gru, initial="input"),
    "gru last": loop(lstm(12, units=2, features=2), near.Gru, write="last"),
    "looks back": loop(lstm(13, units=2, features=2), near.OutputLooksBack),
    "mixed activations": loop(lstm(14, units=2, features=2), near.MixedActivations),
    "masked lstm": masked(lstm(15), "m[t]", "select", finals=True),
    "masked lstm last": masked(lstm(16), "m[:, t]", "select", write="last"),
    "blended rnn": masked(simple_rnn(17), "m[:, t]", "blend"),
    "unrolled lstm": unrolled(lstm(18), initial="input", finals=True),
    "unrolled lstm last": unrolled(lstm(19), emits="last"),
    "unrolled rnn": unrolled(simple_rnn(20), emits="last", reverse=True),
}


def growing(seed: int, radius: float) -> SimpleRnn:
    """A ReLU network whose state grows by `radius` in every step, and overflows."""
    cell = simple_rnn(seed, units=3, activation="RELU")
    recurrent = np.abs(cell.recurrent)
    recurrent *= radius / np.abs(np.linalg.eigvals(recurrent)).max()
    return replace(cell, recurrent=recurrent, bias=np.abs(cell.bias))


def wild(seed: int, radius: float) -> SimpleRnn:
    """A tanh network of a spectral radius above 1: chaotic."""
    cell = simple_rnn(seed, units=8)
    radius /= float(np.abs(np.linalg.eigvals(cell.recurrent)).max())
    return replace(cell, recurrent=cell.recurrent * radius)


#: Recurrences whose temper is their own.
OWN: dict[str, Maker] = {
    "overflowing rnn": loop(growing(21, 8.0)),
    "overflowing rnn last": loop(growing(22, 8.0), write="last", finals=False),
    "overflowing lstm": loop(lstm(23, activation="RELU", units=3), initial="input"),
    "wild rnn": loop(wild(24, 3.0), initial="input"),
    "wild rnn last": loop(wild(25, 3.0), write="last", finals=False),
    "unrolled wild rnn last": unrolled(wild(26, 3.0), emits="last"),
}


def proposed(model: Model) -> Replacement:
    """A right replacement of the model's loop, or of its steps, not yet made."""
    loops = [op for op in model.main.ops if op.code == "WHILE"]
    if loops:
        return replace_loop(loops[0], model.main, "layer")
    return replace_chain(next(iter(chains(Straight(model.main)))), "layer")


def population() -> Iterator[tuple[str, Maker, Temper, bool]]:
    """Every recurrence in every temper, open and closed."""
    for name, maker in MAKERS.items():
        for mood, temper in TEMPERS.items():
            for closed in (False, True):
                yield f"{name}, {mood}, {'closed' if closed else 'open'}", maker, temper, closed
    for name, maker in OWN.items():
        for closed in (False, True):
            yield f"{name}, {'closed' if closed else 'open'}", maker, Temper(), closed
