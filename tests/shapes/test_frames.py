"""What the body of a loop knows of the graph around it."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.frames import Frame
from rnnlite_pipeline.shapes.linear import Counter, Linear

#: What the loop carries: a counter, a length and a shape that stay, and a state.
CARRIED = (("i", "INT32", ()), ("n", "INT32", ()), ("dims", "INT32", (2,)))
STATE = ("h", "FLOAT32", (OPEN, 4))


@pytest.fixture
def frame() -> Frame:
    """Around the body of a loop that is started with zero, a constant and two inputs."""
    h = Tensor("h", "FLOAT32", (OPEN, 4))
    outer = [
        Tensor.constant("zero", np.array(0, np.int32)),
        Tensor.constant("n", np.array(7, np.int32)),
        Tensor.constant("dims", np.array([3, 5], np.int32)),
        h,
    ]
    build = Builder("body")
    inner = [Tensor(name, dtype, shape) for name, dtype, shape in (*CARRIED, STATE)]
    after = [build.binary("ADD", inner[0], build.indices(1)), *inner[1:3]]
    body = Subgraph("body", inner, [*after, build.unary("TANH", inner[3])], build.ops)
    loop = Op("WHILE", list(outer), [], {"body_subgraph": body}, "WhileOptions")
    return Frame(loop, Extents(Subgraph("main", [h], [], [loop])), body)


def test_what_every_step_passes_on_stays(frame: Frame) -> None:
    """The counter and the state change."""
    assert [frame.stays(k) for k in range(4)] == [False, True, True, False]


def test_what_stays_holds_what_the_loop_is_started_with(frame: Frame) -> None:
    """A number and a short vector are known inside the loop as outside of it."""
    assert frame.integers(frame.graph.inputs[1]) == (Linear(7),)
    assert frame.integers(frame.graph.inputs[2]) == (Linear(3), Linear(5))


def test_a_number_that_changes_is_a_counter(frame: Frame) -> None:
    """By the number of its variable; a tensor that is no input of the body is not known."""
    assert frame.integers(frame.graph.inputs[0]) == (Linear.symbol(Counter(0)),)
    assert frame.integers(frame.graph.outputs[0]) is None
    assert frame.integers(frame.graph.inputs[3]) is None


def test_a_state_is_as_long_as_its_first_value(frame: Frame) -> None:
    """The symbol of the outer dimension, until a step is seen to change it."""
    h, state = frame.loop.inputs[3], frame.graph.inputs[3]
    assert h is not None
    assert frame.dimension(state, 0) == frame.outer.dimension(h, 0)
    assert frame.dimension(state, 1) == Linear(4)
    frame.grown.add((3, 0))
    assert frame.dimension(state, 0) is None
    assert frame.first(3, 0) == frame.outer.dimension(h, 0)


def test_an_axis_that_there_is_not(frame: Frame) -> None:
    """Nothing is said of it, nor of what is no input of the body."""
    assert frame.first(3, 2) is None
    assert frame.dimension(frame.graph.outputs[3], 0) is None
