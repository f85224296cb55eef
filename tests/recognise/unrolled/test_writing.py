"""What the rest of a graph reads of steps that are to vanish."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.unrolled.chains import Straight
from rnnlite_pipeline.recognise.unrolled.writing import replacement, wanted, write
from rnnlite_pipeline.shapes.extents import Extents
from tests.recognise.loops import X, loop, state, written
from tests.recognise.strategies import lstm, simple_rnn

A = Tensor("a", "FLOAT32", (1, 2))


def line() -> tuple[Builder, list[Tensor]]:
    """b = tanh(a), c = tanh(b), d = tanh(c)."""
    build, values = Builder("g"), [A]
    for _ in range(3):
        values.append(build.unary("TANH", values[-1]))
    return build, values


def graph(build: Builder, *outputs: Tensor) -> Straight:
    """Straight-line code with these outputs."""
    return Straight(Subgraph("g", [A], list(outputs), build.ops))


def test_the_walk_stops_at_what_is_replaced() -> None:
    """What lies behind it is not asked for, and a cut that nobody reads is not wanted."""
    build, (_, b, c, d) = line()
    own = {id(op) for op in build.ops[:2]}
    assert wanted(graph(build, d), {id(b), id(c)}, own) == {id(c)}
    assert wanted(graph(build, d, b), {id(b), id(c)}, own) == {id(b), id(c)}


def test_an_inner_value_that_is_used_is_refused() -> None:
    """It would vanish with its op."""
    build, (_, b, c, d) = line()
    with pytest.raises(Unrecognised, match="more is used of its steps"):
        wanted(graph(build, d, b), {id(c)}, {id(op) for op in build.ops[:2]})


def test_a_recurrence_over_what_the_loop_reads() -> None:
    """The op reads the sequence and the first states, and gives each step and the last states."""
    cell = lstm(0, units=3)
    around, build = loop(*written(cell)), Builder("layer")
    first = Tensor("h", "FLOAT32", (2, 3))
    made = write(
        around, Extents(Subgraph("g")), build, lambda s: first if s.variable == 0 else None
    )
    (op,) = (op for op in build.ops if op.code == RECURRENCE)
    assert op.inputs == [around.readings[X].tensor, first, None]
    assert op.outputs == [made.y, *made.finals]
    assert [t.shape for t in op.outputs] == [(5, 2, 3), (2, 3), (2, 3)]
    assert [s.variable for s in made.states] == [0, 1]
    assert op.options["recurrence"] is made.recurrence
    assert made.recurrence.name == "layer"
    x = np.random.default_rng(0).normal(size=(2, 2))
    states = [np.ones((2, 3)), np.ones((2, 3))]
    for one, other in zip(made.recurrence.cell.step(x, states), cell.step(x, states), strict=True):
        np.testing.assert_allclose(one, other)


def refused(around: Loop) -> str:
    """Why the loop is no recurrence of a known cell."""
    with pytest.raises(Unrecognised) as problem:
        write(around, Extents(Subgraph("g")), Builder("layer"), lambda _: None)
    return str(problem.value)


def test_what_is_not_one_cell() -> None:
    """Two cells, a state beside a cell, and equations that have no name."""
    h, other = forms.symbol(Before(0), 2), forms.symbol(Before(1), 2)
    x = forms.symbol(X, 2)
    rnn = written(simple_rnn(units=2))
    several = "its steps carry more than the states of one cell"
    assert refused(loop(*rnn, state(1, other + x))) == several
    assert refused(loop(*rnn, state(1, x))) == several
    assert refused(loop(state(0, h * x)))


def test_the_ops_between_are_replaced() -> None:
    """From what the new ops read to what they stand for, in execution order."""
    cell = simple_rnn(units=2)
    around, new = loop(*written(cell)), Builder("layer")
    build, (_, b, _, d) = line()
    around.readings[X].tensor.name = "x"
    made = write(around, Extents(Subgraph("g")), new, lambda _: b)
    results = {id(d): (d, made.finals[0])}
    found = replacement(graph(build, d), around, Extents(Subgraph("g")), new, (made, results))
    assert list(found.replaced) == build.ops[1:]
    assert found.recurrences == [made.recurrence]
    assert found.ops is new.ops
