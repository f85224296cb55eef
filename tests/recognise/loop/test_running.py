"""Sequences in the order in which a loop reads them."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Reading, Unrecognised
from rnnlite_pipeline.recognise.loop.running import Running
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear, Quotient
from tests.recognise.tensors import tensor

LENGTH = 6
STEPS = Linear.symbol(STEP)
Array = np.ndarray


class Case:
    """A loop that reads one sequence x along an axis.

    Args:
        axis: Of time.
        length: T, or OPEN.
        steps: How many there are, given T.
    """

    def __init__(self, axis: int = 0, length: int = LENGTH, steps: int | None = None) -> None:
        shape = [2, 2, 3]
        shape[axis] = length
        self.x = Tensor("x", "FLOAT32", tuple(shape))
        self.axis, self.build = axis, Builder("t")
        self.extents = Extents(Subgraph("g", [self.x]))
        self.length = self.extents.dimension(self.x, axis)
        count = self.length if steps is None else self.length + Linear(steps)
        self.loop = Loop(Op("WHILE", [], []), count)
        self.running = Running(self.loop, self.extents, self.build)

    def reading(self, index: Linear) -> Reading:
        """A step of the sequence."""
        found = Reading(self.x, self.axis, index)
        self.loop.readings["x"] = found
        return found

    def read(self, index: Linear) -> Tensor:
        """The sequence in running order."""
        return self.running.read(self.reading(index))

    def run(self, result: Tensor, x: Array) -> Array:
        """What the ops give."""
        y = Tensor("y", result.dtype, result.shape)
        ops = self.build.ops
        if result is self.x:
            return x
        for op in ops:
            op.outputs = [y if t is result else t for t in op.outputs]
            op.inputs = [y if t is result else t for t in op.inputs]
        main = Subgraph("main", [self.x], [y], ops)
        model = Model([main], [Signature("main", main, {"x": self.x}, {"y": y})])
        return Runner(write_model(model)).run({"x": x})["y"]


def numbers(axis: int, length: int = LENGTH) -> Array:
    """The sequence x, each step another number."""
    shape = [2, 2, 3]
    shape[axis] = length
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("length", [LENGTH, OPEN])
@pytest.mark.parametrize(
    ("steps", "stride", "first"),
    [(0, 1, 0), (-2, 1, 1), (-2, 1, 2), (-1, 1, -1), (0, 1, 2), (0, 1, -1)],
)
def test_positions_forwards(axis: int, length: int, steps: int, stride: int, first: int) -> None:
    """All of it, a part, and positions outside, which are the first one or the last."""
    case, x = Case(axis, length, steps), numbers(axis)
    found = case.run(case.read(STEPS * stride + Linear(first)), x)
    places = np.clip(np.arange(LENGTH + steps) * stride + first, 0, LENGTH - 1)
    np.testing.assert_array_equal(found, np.take(x, places, axis))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("length", [LENGTH, OPEN])
def test_positions_backwards(axis: int, length: int) -> None:
    """From the last to the first, and a part from its end."""
    case, x = Case(axis, length), numbers(axis)
    last = case.length - Linear(1)
    np.testing.assert_array_equal(case.run(case.read(last - STEPS), x), np.flip(x, axis))
    part = Case(axis, length, -2)
    found = part.run(part.read(last - Linear(1) - STEPS), x)
    np.testing.assert_array_equal(found, np.flip(x, axis).take(range(1, LENGTH - 1), axis))


def test_a_known_stride() -> None:
    """Every second position of six, three steps."""
    case, x = Case(), numbers(0)
    case.loop.steps = Linear(3)
    np.testing.assert_array_equal(case.run(case.read(STEPS * 2 + Linear(1)), x), x[1::2])


def test_the_sequence_itself_needs_no_op() -> None:
    """Read whole and forwards."""
    case = Case(length=OPEN)
    assert case.read(STEPS) is case.x
    assert not case.build.ops


def test_steps_of_something_else_are_refused() -> None:
    """Nothing says that a sequence is as long as a number from outside."""
    case = Case(length=OPEN)
    case.loop.steps = Linear.symbol("n")
    with pytest.raises(Unrecognised, match="not known to be its sequence's length"):
        case.read(STEPS)


def test_a_number_of_steps_that_can_be_none() -> None:
    """T - 1 can, T and 5 cannot; the total is 1 at least then."""
    assert Case(length=OPEN, steps=-1).running.may_be_none
    assert not Case(length=OPEN).running.may_be_none
    assert not Case().running.may_be_none
    assert Case().running.steps() == LENGTH
    assert Case(length=OPEN).running.steps() == OPEN


@pytest.mark.parametrize("length", [1, LENGTH])
def test_no_step_leaves_the_first_state(length: int) -> None:
    """Where T - 1 is 0 the state is the first one, and a list of T - 1 items is empty."""
    case = Case(length=OPEN, steps=-1)
    case.reading(STEPS)
    x = numbers(0, length)
    final, first = case.build.step(case.x, 0, 0), case.build.constant("f", np.zeros(1, np.float32))
    ended = case.run(case.running.ended(final, first), x)
    np.testing.assert_array_equal(ended, x[0] if length > 1 else np.zeros((2, 3)))
    for at_end in (True, False):
        other = Case(length=OPEN, steps=-1)
        other.reading(STEPS)
        listed = other.build.part(other.x, 0, 0, max(length - 1, 1))
        cut = other.running.cut(listed, other.loop.steps, at_end=at_end)
        if length == 1:  # LiteRT gives no empty tensor, but says how large it is
            assert other.run(other.build.shape(cut), x).tolist() == [0, 2, 3]
        else:
            np.testing.assert_array_equal(other.run(cut, x), x[: length - 1])


def test_a_state_and_a_list_of_known_steps_stay() -> None:
    """No op is made for what cannot be."""
    case, any_ = Case(), tensor(2, 3)
    assert case.running.ended(any_, None) is any_
    assert case.running.cut(any_, Linear(6), at_end=True) is any_


def test_numbers_at_run_time() -> None:
    """2 T + 1, a quotient, a constant; a symbol of nothing is refused."""
    for value, expected in (
        (lambda t: t * 2 + Linear(1), 2 * LENGTH + 1),
        (lambda t: Linear.symbol(Quotient(next(iter(t.factors))[0], 4)), LENGTH // 4),
        (lambda _: Linear(7), 7),
    ):
        case = Case(length=OPEN)
        case.reading(STEPS)
        result = case.running.number(value(case.length))
        if result.data is not None:
            assert result.array is not None
            assert result.array.tolist() == [expected]
        else:
            assert case.run(result, numbers(0)).tolist() == [expected]
    with pytest.raises(Unrecognised):
        Case().running.number(Linear.symbol("n"))


@pytest.mark.parametrize("length", [LENGTH, OPEN])
def test_the_number_of_each_step(length: int) -> None:
    """0, 1, 2, ... as many as there are."""
    case = Case(length=length)
    case.reading(STEPS)
    found = case.running.count()
    counted = found.array if found.data is not None else case.run(found, numbers(0))
    assert counted is not None
    assert counted.tolist() == list(range(LENGTH))
