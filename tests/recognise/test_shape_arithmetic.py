"""Loops that compute the shapes of an open batch step by step, as StableHLO's dynamic ops do."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.recognise import recognise
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import lstm
from tests.recognise.test_spellings import check_same


class ToldStep(Step):
    """Slices and broadcasts are told the batch, a vector that the loop carries."""

    batch: Tensor

    def shape(self, width: int) -> Tensor:
        """[B, width]."""
        return self.build.concatenate([self.batch, self.build.indices([width])], 0)

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        """x[0:B, start:stop]."""
        places = [self.build.indices([0, start]), self.shape(stop), self.build.indices([1, 1])]
        return self.build.op("STRIDED_SLICE", [x, *places], "FLOAT32", (OPEN, stop - start))

    def sigmoid(self, z: Tensor) -> Tensor:
        """1 / (1 + exp(-z)), its ones broadcast."""
        width = (z.shape or ())[-1]
        one = self.build.constant("one", np.ones((), np.float32))
        ones = self.build.op("BROADCAST_TO", [one, self.shape(width)], "FLOAT32", (OPEN, width))
        power = self.build.unary("EXP", self.build.unary("NEG", z))
        return self.build.binary("DIV", ones, self.build.binary("ADD", ones, power))


class Told(Author):
    """The step of the sequence is a slice whose begin is held inside it."""

    def counted(self, sequence: Tensor) -> None:
        """The batch as well as the steps."""
        super().counted(sequence)
        self.variable("batch", self.measured(sequence))
        assert isinstance(self.step, ToldStep)
        self.step.batch = self.variables["batch"].inner

    def measured(self, sequence: Tensor) -> Tensor:
        """The batch [1]."""
        return self.main.dimension(sequence, 1)

    def read(self, sequence: Tensor) -> Tensor:
        """x[t:t+1, 0:B, 0:F] as [B, F]; t counts from the end where it is negative."""
        build, width = self.body, (sequence.shape or ())[-1]
        batch, features = self.variables["batch"].inner, build.indices([width])
        place, steps, zero = self.place(self.spelling.read), self.limit("inner"), build.indices(0)
        below, beyond = (
            build.op("LESS", [place, zero], "BOOL", ()),
            build.binary("ADD", place, steps),
        )
        index = build.op("SELECT_V2", [below, beyond, place], "INT32", ())
        begin = build.concatenate([build.reshape(index, [1]), build.indices([0, 0])], 0)
        size = build.concatenate([build.indices([1]), batch, features], 0)
        whole = build.concatenate([build.reshape(steps, [1]), batch, features], 0)
        last = build.binary("MINIMUM", begin, build.binary("SUB", whole, size))
        first = build.binary("MAXIMUM", last, zero)
        places = [first, build.binary("ADD", first, size), build.indices([1, 1, 1])]
        step = build.op("STRIDED_SLICE", [sequence, *places], "FLOAT32", (1, OPEN, width))
        flat = build.concatenate([batch, features], 0)
        return build.op("RESHAPE", [step, flat], "FLOAT32", (OPEN, width))


class OtherBatch(Told):
    """The batch that everything is told is another input's."""

    def measured(self, sequence: Tensor) -> Tensor:
        """Its first dimension."""
        del sequence
        return self.main.dimension(self.input("other", (OPEN, 2)), 0)


HOW = Spelling(batch=OPEN, steps=OPEN, cut="slice", trip="shape")


@pytest.mark.parametrize("read", ["forward", "backward"])
def test_told_shapes_are_the_batch(read: str) -> None:
    """Slices, reshapes and broadcasts to computed shapes leave the rows what they are."""
    cell = lstm(3, units=2)
    how = Spelling(**{**vars(HOW), "read": read})
    model = Told([cell], how, ToldStep).model()
    (finding,) = recognise(model, objection)
    assert not finding.reason
    check_same(finding.recurrences[0], cell)


def test_another_s_batch_is_no_batch() -> None:
    """Rows that are cut to the size of another input stay as they are."""
    model = OtherBatch([lstm(3, units=2)], HOW, ToldStep).model()
    (finding,) = recognise(model, objection)
    assert "its sequence other than one step" in finding.reason
