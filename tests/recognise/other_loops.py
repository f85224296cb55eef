"""Loops around an LSTM that differ in one place from a run over a whole sequence."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.ir import OPEN, Tensor
from tests.recognise.author import Author, Cell, set_item


class StopsOnData(Author):
    """The loop goes on while h is small."""

    def condition(self, inputs: dict[str, Tensor]) -> Tensor:
        """A comparison of the state."""
        axes = self.cond.indices([0, 1])
        total = self.cond.op("SUM", [inputs["h0"], axes], "FLOAT32", ())
        return self.cond.binary(
            "LESS", total, self.cond.constant("most", np.full((), 100.0, np.float32))
        )


class OtherLength(Author):
    """As many steps as one input is long, over its sum with another: of the two, one may be 1."""

    def variable(self, name: str, outer: Tensor) -> None:
        """The sequence is a sum."""
        if name == "x":
            other = self.input("other", outer.shape or ())
            outer = self.main.binary("ADD", outer, other)
        super().variable(name, outer)


class NumberFromOutside(Author):
    """Each step is scaled by an integer input, whose name begins as those of counters do."""

    def counted(self, sequence: Tensor) -> None:
        """The number as well."""
        super().counted(sequence)
        self.inputs["v"] = Tensor("v", "INT32", ())
        self.variable("v", self.inputs["v"])

    def read(self, sequence: Tensor) -> Tensor:
        """x[t] * v."""
        number = self.body.op("CAST", [self.variables["v"].inner], "FLOAT32", ())
        return self.body.binary("MUL", super().read(sequence), number)


class FirstStepAlways(Author):
    """Every step reads x[0]."""

    def read(self, sequence: Tensor) -> Tensor:
        """A constant place."""
        return self.body.gather(sequence, self.body.indices(0))


class PartOfFeatures(Author):
    """The step reads the first feature of two, as two."""

    def read(self, sequence: Tensor) -> Tensor:
        """x[:, i, 0:1] beside itself."""
        zero, one = self.body.indices(0), self.body.indices(1)
        begin = self.packed(self.body, [zero, self.place("forward"), zero])
        end = self.packed(self.body, [zero, one, one])
        part = self.body.op(
            "STRIDED_SLICE",
            [sequence, begin, end, self.body.indices([1, 1, 1])],
            "FLOAT32",
            (2, 1),
            begin_mask=0b001,
            end_mask=0b001,
            shrink_axis_mask=0b010,
        )
        return self.body.concatenate([part, part], 1)


class CountsByTwo(Author):
    """The counter goes up by two."""

    def write_body(self) -> None:
        """Another stride."""
        super().write_body()
        count = self.variables["count1"]
        count.new = self.body.binary("ADD", count.inner, self.body.indices(2))


class LongerList(Author):
    """The list has one item more than there are steps."""

    extra = 1

    def reserve(self, width: int) -> Tensor:
        """Another length."""
        self.steps, steps = self.main.indices(self.spelling.steps + self.extra), self.steps
        made = super().reserve(width)
        self.steps = steps
        return made


class ShorterList(LongerList):
    """The list has one item less than there are steps."""

    extra = -1


class FewerSteps(Author):
    """The loop stops before its sequence does."""

    def counted(self, sequence: Tensor) -> None:
        """One step less."""
        super().counted(sequence)
        self.steps = self.main.indices(self.spelling.steps - 1)


class FilledList(Author):
    """The list holds an item before the loop."""

    def reserve(self, width: int) -> Tensor:
        """A list with something in it."""
        value = self.main.constant("value", np.ones((2, width), np.float32))
        return set_item(self.main, super().reserve(width), self.main.indices(0), value)


class PutsOutTheCell(Author):
    """The list gets c."""

    def item(self, states: list[Tensor]) -> Tensor:
        """The other state."""
        return states[1]


class PutsOutTheOldState(Author):
    """The list gets h before the step."""

    def item(self, _states: list[Tensor]) -> Tensor:
        """The state of the step before."""
        return self.variables["h0"].inner


class WritesTwice(Author):
    """Each step writes two items."""

    def write_body(self) -> None:
        """Another write at the same place."""
        super().write_body()
        listed = self.variables["list"]
        again, item = self.place("forward"), self.variables["h0"].new
        listed.new = set_item(self.body, listed.new, again, item)


class PackedStates(Author):
    """Each state is carried with a third axis."""

    def variable(self, name: str, outer: Tensor) -> None:
        """States [B, U, 1] by a reshape before the loop."""
        if name == "h0":
            outer = self.main.reshape(outer, (OPEN, 2, 1))
        super().variable(name, outer)

    def old_states(self, layer: int, cell: Cell) -> list[Tensor]:
        """Back to rows."""
        h, c = super().old_states(layer, cell)
        return [self.body.reshape(h, (OPEN, 2)), c]

    def set_states(self, layer: int, states: list[Tensor]) -> None:
        """And to three axes again."""
        super().set_states(layer, [self.body.reshape(states[0], (OPEN, 2, 1)), states[1]])
