"""Rare ways to write a recurrence that are read all the same."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise import other_loops as other
from tests.recognise.author import Author, Cell
from tests.recognise.spelling import Parts, Spelling, Step
from tests.recognise.strategies import lstm, numbers

OPEN_SIZES = Spelling()
CLOSED_SIZES = Spelling(batch=2, steps=4, trip="constant")


def check_fused(author: Author) -> Recurrence:
    """The loop is read as one LSTM, and the fused op computes what the loop computes."""
    model = author.model()
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    lower(model)
    arrays = numbers(model)
    expected = Runner(write_model(loop), "reference").run(arrays)
    for name, values in Runner(write_model(model), "reference").run(arrays).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=2e-5, err_msg=name)
    (recurrence,) = finding.recurrences
    assert isinstance(recurrence.cell, Lstm)
    return recurrence


class StartsFromConstants(Author):
    """The initial states are constants other than zero."""

    def zeros(self, x: Tensor, width: int) -> Tensor:
        """Halves."""
        shape = ((x.shape or ())[0], width)
        return self.main.constant("halves", np.full(shape, 0.5, np.float32))


class TwoBounds(Author):
    """The condition has a further bound, which the loop never reaches."""

    def condition(self, inputs: dict[str, Tensor]) -> Tensor:
        """count < T + 2 and the usual."""
        wider = self.cond.constant("wider", np.full((), self.spelling.steps + 2, np.int32))
        bounds = [self.cond.binary("LESS", inputs["count0"], wider), super().condition(inputs)]
        return self.cond.op("LOGICAL_AND", bounds, "BOOL", ())


class GrowingList(Author):
    """The list starts with some items, and a write behind its end makes it longer."""

    items = 0

    def reserve(self, width: int) -> Tensor:
        """Another length."""
        self.steps, steps = self.main.indices(self.items), self.steps
        made = super().reserve(width)
        self.steps = steps
        return made

    def write_body(self) -> None:
        """The attribute of the op, as TensorFlow writes it."""
        super().write_body()
        for op in self.body.ops:
            if op.code == "FlexTensorListSetItem":
                op.custom_options = b"\n\x1dresize_if_index_out_of_bounds\x12\x02(\x01"


class GrowsByAStep(GrowingList):
    """It has all items but one before the loop."""

    items = 3


class TooManyItems(GrowingList):
    """It has more items than there are steps."""

    items = 5


class SomeItems(GrowingList):
    """It has one item more than none, of a number of steps known at run time."""

    items = 1


class CarriesSomethingComputed(Author):
    """A variable carries the last of what a step computes from the output."""

    def write_body(self) -> None:
        """tanh(h + 1)."""
        super().write_body()
        carried = self.variables["last"]
        one = self.body.constant("one", np.ones((), np.float32))
        carried.new = self.body.unary("TANH", self.body.binary("ADD", carried.new, one))


class ReadsPartsOfInput(Step):
    """The input's columns are multiplied apart, the last first."""

    def affine(self, gates: dict[str, Gate], x: Tensor, h: Tensor) -> Tensor:
        """One product a column."""
        kernel = np.concatenate([g.kernel for g in gates.values()])
        none = {n: replace(g, kernel=np.zeros_like(g.kernel)) for n, g in gates.items()}
        total = super().affine(none, x, h)
        for k in reversed(range(kernel.shape[1])):
            column = self.columns(x, k, k + 1)
            total = self.add(total, self.product(column, kernel[:, k : k + 1]))
        return total


class ReadsJoinedState(Author):
    """Products run over all of [h, c], with zeros for c."""

    def old_states(self, layer: int, cell: Cell) -> list[Tensor]:
        """All of the joined state in h's place."""
        return [self.variables[f"state{layer}"].inner, super().old_states(layer, cell)[1]]


class ZerosForCell(Step):
    """The recurrent kernel is wider by zeros."""

    def affine(self, gates: dict[str, Gate], x: Tensor, h: Tensor) -> Tensor:
        """[R, 0]."""
        wide = {
            n: replace(g, recurrent=np.pad(g.recurrent, ((0, 0), (0, 3)))) for n, g in gates.items()
        }
        return super().affine(wide, x, h)


class ShiftedOutput(Step):
    """h' = o*tanh(c') + b."""

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """A bias without a projection."""
        return self.add(super().emission(cell, z, taken, c), self.constant([0.5, -0.5, 0.25]))


class ClippedOutput(Step):
    """h' = clip(o*tanh(c'))."""

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """A clip without a projection."""
        return self.clipped(super().emission(cell, z, taken, c), 0.125)


class GatesAtMinus(Step):
    """Each gate is 1 - sigmoid of its argument's minus, and the candidate is subtracted."""

    def sigmoid(self, z: Tensor) -> Tensor:
        """Of the argument, negative."""
        return self.one_minus(super().sigmoid(self.build.unary("NEG", z)))

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """f*c - i*tanh(-g)."""
        f, i = (self.gate(cell, n, z, taken, c) for n in ("forget", "input"))
        g = self.build.unary("TANH", self.build.unary("NEG", z["candidate"]))
        return self.build.binary("SUB", self.times(f, c), self.times(i, g))


class TanhBySigmoid(Step):
    """tanh(z) is 2 sigmoid(2z) - 1."""

    def activated(self, activation: str, z: Tensor) -> Tensor:
        """By the sigmoid alone."""
        assert activation == "TANH", "no other one is written so"
        half = self.sigmoid(self.times(z, self.constant(np.float32(2.0))))
        twice = self.times(half, self.constant(np.float32(2.0)))
        return self.add(twice, self.constant(np.float32(-1.0)))


class LetsInByTheOutputGate(Step):
    """c' = f*c + (1 - o)*g: an LSTM whose input gate has the output gate's weights, negative."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """What is let in is what is not put out."""
        f, o = (self.gate(cell, n, z, taken, c) for n in ("forget", "output"))
        g = self.build.unary("TANH", z["candidate"])
        return self.add(self.times(f, c), self.times(self.one_minus(o), g))


class ForgetsByTheInputGate(Step):
    """c' = (1 - i)*c + o*g: the forget gate has the input gate's weights, negative."""

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """What is forgotten is not what is let in."""
        i, o = (self.gate(cell, n, z, taken, c) for n in ("input", "output"))
        g = self.build.unary("TANH", z["candidate"])
        return self.add(self.times(self.one_minus(i), c), self.times(o, g))


@pytest.mark.parametrize(
    ("author", "spelling"),
    [
        (StartsFromConstants, CLOSED_SIZES),
        (TwoBounds, CLOSED_SIZES),
        (GrowingList, OPEN_SIZES),
        (GrowingList, replace(OPEN_SIZES, batch=2)),
        (GrowsByAStep, CLOSED_SIZES),
        (CarriesSomethingComputed, replace(OPEN_SIZES, carried="last")),
        (other.FirstStepAlways, CLOSED_SIZES),
        (other.FewerSteps, CLOSED_SIZES),
        (other.FilledList, CLOSED_SIZES),
        (other.PutsOutTheOldState, CLOSED_SIZES),
        (other.PutsOutTheOldState, replace(OPEN_SIZES, initial="input")),
    ],
)
def test_unusual_loops(author: type[Author], spelling: Spelling) -> None:
    """Other first states, bounds, lists, places that are read and steps put out: the same cell."""
    check_fused(author([lstm(4)], spelling))


@pytest.mark.parametrize(
    ("author", "spelling", "why"),
    [
        (TooManyItems, CLOSED_SIZES, "not known to be as long as its steps"),
        (SomeItems, OPEN_SIZES, "grows is known only at run time"),
    ],
)
def test_lists_that_grow_otherwise(author: type[Author], spelling: Spelling, why: str) -> None:
    """A list that is longer than the loop, or may be, keeps the loop."""
    (finding,) = recognise(author([lstm(4)], spelling).model(), objection)
    assert why in finding.reason


@pytest.mark.parametrize(
    "step",
    [
        *(ReadsPartsOfInput, ShiftedOutput, ClippedOutput, GatesAtMinus, TanhBySigmoid),
        *(LetsInByTheOutputGate, ForgetsByTheInputGate),
    ],
)
def test_unusual_steps(step: type[Step]) -> None:
    """Parts of an input, functions of minus z and clips of the output are the weights of a cell."""
    check_fused(Author([lstm(4)], OPEN_SIZES, step))


def test_product_over_joined_states() -> None:
    """A matrix over [h, c] that is zero for c is no peephole."""
    author = ReadsJoinedState([lstm(4)], replace(OPEN_SIZES, states="h|c"), ZerosForCell)
    cell: Any = check_fused(author).cell
    assert cell.forget.peephole is None


def test_some_peepholes() -> None:
    """A peephole on one gate alone is read as zeros on the others, as the fused op has all."""
    plain, peeping = lstm(4), lstm(4, peephole=True)
    cell = replace(plain, forget=replace(plain.forget, peephole=peeping.forget.peephole))
    recurrence = check_fused(Author([cell], OPEN_SIZES))
    assert why_not_fused(recurrence) is None
    x = np.random.default_rng(0).normal(size=(5, 2, 2))
    np.testing.assert_allclose(recurrence.run(x)[0], Recurrence("", cell).run(x)[0], atol=1e-6)
