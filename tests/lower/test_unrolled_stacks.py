"""Steps written out where layers stand one behind the other, and run in both directions."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.choice import Form
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.verify.runs import KERNELS
from tests.lower.cases import Case, Initial, histogram, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked
from tests.quantize.author import Array
from tests.quantize.test_loops import feed, integers

#: F features, U units, B rows.
FEATURES, UNITS, BATCH = 3, 5, 2

Make = Callable[[np.random.Generator, int], Cell]

#: A cell of a number of features, the mask of the masked ones among them.
CELLS: dict[str, Make] = {
    "LSTM": lambda rng, n: random_lstm(rng, n, UNITS),
    "LSTM, peepholes": lambda rng, n: random_lstm(rng, n, UNITS, peephole=True),
    "LSTM, projection": lambda rng, n: random_lstm(rng, n, UNITS, outputs=4),
    "LSTM, layer norm": lambda rng, n: random_lstm(rng, n, UNITS, layer_norm=True),
    "LSTM, coupled gates": lambda rng, n: random_lstm(rng, n, UNITS, coupled=True),
    "LSTM, hard sigmoid": lambda rng, n: hard_lstm(rng, n, UNITS),
    "LSTM, masked": lambda rng, n: masked(random_lstm(rng, n - 1, UNITS)),
    "GRU": lambda rng, n: gru(rng, n, UNITS),
    "GRU, reset before": lambda rng, n: gru(rng, n, UNITS, reset_after=False),
    "GRU, masked": lambda rng, n: masked(gru(rng, n - 1, UNITS)),
    "SimpleRNN": lambda rng, n: random_rnn(rng, n, UNITS),
}

#: LSTM, GRU and a mask are looked at in the ordinary run.
_SAMPLE = ("LSTM, masked", "GRU")
EVERY_CELL = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in _SAMPLE else pytest.mark.slow) for n in CELLS]
)


class Stack:
    """Two layers, each in both directions, batch-major: x [B, T, F] to y [B, T, 2 H].

    Args:
        make: Makes a cell.
        steps: T.
    """

    def __init__(self, make: Make, steps: int) -> None:
        rng, width = np.random.default_rng(0), FEATURES
        self.steps, self.layers = steps, list[tuple[Recurrence, Recurrence]]()
        for k in range(2):
            pair = (make(rng, width), make(rng, width))
            forward, backward = (
                Recurrence(f"layer{k}_{d}", cell, reverse=d == 1, time_major=False)
                for d, cell in enumerate(pair)
            )
            self.layers.append((forward, backward))
            width = 2 * pair[0].states[0]

    def run(self, x: Array) -> Array:
        """What the specification says, in float64."""
        y = x
        for pair in self.layers:
            y = np.concatenate([each.run(y)[0] for each in pair], -1)
        return y

    def lowered(self, form: Form) -> Model:
        """The graph in one form; a pair is one op, or two, from layer to layer."""
        x = Tensor("x", "FLOAT32", (BATCH, self.steps, FEATURES))
        build, y = Builder("joined"), x
        for k, pair in enumerate(self.layers):
            outputs = [self._outputs(build, each) for each in pair]
            if k == 0:
                options = dict(zip(("forward", "backward"), pair, strict=True))
                build.ops.append(Op(BIDIRECTIONAL, [y], [*outputs[0], *outputs[1]], options))
            else:
                for each, tensors in zip(pair, outputs, strict=True):
                    build.ops.append(Op(RECURRENCE, [y], tensors, {"recurrence": each}))
            y = build.concatenate([tensors[0] for tensors in outputs], 2)
        main = Subgraph("main", [x], [y], build.ops)
        model = Model([main], [Signature("main", main, {"x": x}, {"y": y})])
        lower(model, form, integers=True)
        return model

    def _outputs(self, build: Builder, each: Recurrence) -> list[Tensor]:
        widths = each.cell.states
        y = build.tensor(f"{each.name}/y", "FLOAT32", (BATCH, self.steps, widths[0]))
        return [y, *(build.tensor(f"{each.name}/s", "FLOAT32", (BATCH, w)) for w in widths)]


def _written_out(loop: Model) -> Model:
    steps = copy.deepcopy(loop)
    assert unroll(steps, every=True) == []
    assert histogram(steps)["WHILE"] == 0
    return steps


@EVERY_CELL
def test_stacks_in_both_directions_are_written_out(name: str) -> None:
    """Two layers of every cell, forwards and backwards, compute what the recurrences say."""
    stack = Stack(CELLS[name], 4)
    model = _written_out(stack.lowered("unrolled"))
    x = feed(model, 1, BATCH, 4)["x"]
    for kernels in KERNELS:
        runner = Runner(write_model(model), kernels)
        for _ in range(2):
            np.testing.assert_allclose(runner.run({"x": x})["y"], stack.run(x), atol=2e-6)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@EVERY_CELL
def test_stacks_in_integers_are_their_loops_to_the_last_bit(name: str, scheme: str) -> None:
    """The steps of both layers and directions compute in integers what the loops do."""
    loop, _ = integers(Stack(CELLS[name], 4).lowered("unrolled"), scheme, steps=4, batch=BATCH)
    assert histogram(loop)["WHILE"] == 4
    steps = _written_out(loop)
    x = feed(loop, 1, BATCH, 4)
    of_loop, of_steps = (Runner(write_model(m), "reference").run(x)["y"] for m in (loop, steps))
    np.testing.assert_array_equal(of_steps, of_loop)


@pytest.mark.parametrize("scheme", ["none", "int8"])
@EVERY_CELL
def test_one_step_leaves_no_loop(name: str, scheme: str) -> None:
    """Asked for as loops, stacks of every cell have none at length 1, in float and in integers."""
    model = Stack(CELLS[name], 1).lowered("loop")
    if scheme == "int8":
        model, _ = integers(model, scheme, steps=1, batch=BATCH)
    unroll(model, every=False)
    assert histogram(model)["WHILE"] == 0


@EVERY_CELL
def test_one_step_of_a_layer_leaves_no_loop(name: str) -> None:
    """Nor does a single layer, backwards, with states given and read, at an open batch."""
    cell = CELLS[name](np.random.default_rng(0), FEATURES)
    initial: tuple[Initial, ...] = tuple("input" for _ in cell.states)
    case = Case((cell,), reverse=True, steps=1, open_steps=False, initial=initial)
    model = case.model()
    lower(model, "loop")
    unroll(model, every=False)
    assert histogram(model)["WHILE"] == 0
    case.check(model)
