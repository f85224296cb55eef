"""One step whose states are inputs and outputs of the graph."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Straight
from rnnlite_pipeline.recognise.unrolled.explicit import replace_step
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import lstm, simple_rnn

CELL = lstm(0, units=3, features=2)


class Streaming:
    """A step of a cell, its states given one by one, or side by side in one tensor."""

    def __init__(self, cell: Lstm = CELL, *, joined: bool = False) -> None:
        self.build = Builder("model/lstm")
        self.x = Tensor("x", "FLOAT32", (2, cell.features))
        given = [Tensor(n, "FLOAT32", (2, w)) for n, w in zip("hc", cell.states, strict=True)]
        if joined:
            both = Tensor("states", "FLOAT32", (2, sum(cell.states)))
            given = self.build.split(both, 2, 1)
        old = list(given)
        self.states = Step(self.build, Spelling()).write(cell, self.x, given)
        outputs = [self.build.concatenate(self.states, 1)] if joined else list(self.states)
        inputs = [self.x, both] if joined else [self.x, *old]
        self.main = Subgraph("main", inputs, outputs, self.build.ops)

    def replaced(self) -> Replacement | None:
        """The step as a recurrence."""
        return replace_step(Straight(self.main), lambda scope: f"{scope}!")


@pytest.mark.parametrize("joined", [False, True])
def test_a_step_of_an_lstm(joined: bool) -> None:
    """It is a recurrence of one step, its states the inputs, its name the scope of its product."""
    made = Streaming(joined=joined).replaced()
    assert made is not None
    (recurrence,) = made.recurrences
    assert recurrence.name == "model/lstm!"
    x, states = np.ones((2, 2)), [np.full((2, 3), 0.5), np.full((2, 3), -0.5)]
    for one, other in zip(recurrence.cell.step(x, states), CELL.step(x, states), strict=True):
        np.testing.assert_allclose(one, other)
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert (op.outputs[0].shape or ())[0] == 1


def test_the_states_are_told_apart() -> None:
    """The operands are h and c in the cell's order."""
    streaming = Streaming()
    made = streaming.replaced()
    assert made is not None
    (op,) = (op for op in made.ops if op.code == RECURRENCE)
    assert [t and t.name for t in op.inputs[1:]] == ["h", "c"]
    assert {id(old) for old, _ in made.results.values()} == {id(t) for t in streaming.states}


def test_one_state_says_nothing() -> None:
    """A step of a simple RNN is a dense layer of two inputs."""
    build = Builder("g")
    x, h = Tensor("x", "FLOAT32", (2, 2)), Tensor("h", "FLOAT32", (2, 3))
    new = Step(build, Spelling()).write(simple_rnn(), x, [h])
    assert replace_step(Straight(Subgraph("g", [x, h], new, build.ops)), str) is None


def test_a_state_that_is_not_handed_out_is_none() -> None:
    """The caller could not pass it to the next step."""
    streaming = Streaming()
    streaming.main.outputs = streaming.main.outputs[:1]
    assert streaming.replaced() is None


def test_a_step_of_another_cell_is_none() -> None:
    """Where the new c is not what an LSTM's is."""
    streaming = Streaming()
    (add,) = (op for op in streaming.build.ops if op.outputs[0] is streaming.states[1])
    changed: Op = add
    changed.code, changed.options_type = "MAXIMUM", "MaximumMinimumOptions"
    found = streaming.replaced()
    assert found is None
