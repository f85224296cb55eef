"""Random recurrences in small graphs, and the check that holds a lowering to `Recurrence.run`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner

Array = NDArray[Any]

#: How an initial state is given: left out, a constant row, a constant batch, an input, or
#: computed from an input.
Initial = Literal["none", "zeros", "row", "batch", "input", "computed"]

KERNELS: tuple[Kernels, ...] = ("reference", "default", "no_delegate")


def random_lstm(
    rng: np.random.Generator,
    features: int,
    units: int,
    *,
    outputs: int | None = None,
    coupled: bool = False,
    peephole: bool = False,
    layer_norm: bool = False,
    projection_bias: bool = False,
    **attributes: Any,
) -> Lstm:
    """An LSTM cell [features to units], with a projection to `outputs` if given."""

    def gate(looks: bool = True) -> Gate:
        return Gate(
            rng.normal(0, 0.5, (units, features)),
            rng.normal(0, 0.5, (units, outputs or units)),
            rng.normal(0, 0.5, units),
            rng.normal(0, 0.5, units) if peephole and looks else None,
            rng.normal(1, 0.2, units) if layer_norm else None,
        )

    return Lstm(
        None if coupled else gate(),
        gate(),
        gate(looks=False),
        gate(),
        projection=rng.normal(0, 0.5, (outputs, units)) if outputs else None,
        projection_bias=rng.normal(0, 0.5, outputs) if outputs and projection_bias else None,
        **attributes,
    )


def random_rnn(
    rng: np.random.Generator, features: int, units: int, activation: str = "TANH"
) -> SimpleRnn:
    """A simple RNN cell [features to units]."""
    return SimpleRnn(
        rng.normal(0, 0.5, (units, features)),
        rng.normal(0, 0.3, (units, units)),
        rng.normal(0, 0.5, units),
        activation,
    )


@dataclass
class Case:
    """One recurrence, or a forward and a backward one, in a graph of its own.

    Attributes:
        cells: One cell, or two for a BIDIRECTIONAL.
        reverse: The direction of a single recurrence.
        open_batch: Whether the graph leaves B open; else it is `batch`.
        open_steps: Whether the graph leaves T open; else it is `steps`.
        initial: How each state is given, the backward cell's last.
        sized_late: Whether an op whose size is known at run time only stands before.
    """

    cells: tuple[Cell, ...]
    reverse: bool = False
    time_major: bool = True
    batch: int = 3
    steps: int = 4
    open_batch: bool = True
    open_steps: bool = True
    initial: tuple[Initial, ...] = ()
    outputs: Literal["all", "y", "finals", "cell"] = "all"
    sized_late: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        directions = (self.reverse,) if len(self.cells) == 1 else (False, True)
        self.recurrences = [
            Recurrence(f"layer{k}", cell, reverse, self.time_major)
            for k, (cell, reverse) in enumerate(zip(self.cells, directions, strict=True))
        ]
        self._rng = np.random.default_rng(self.seed)
        self._rows: list[Array | None] = []

    def sizes(self, batch: int, steps: int, width: int) -> tuple[int, int, int]:
        """A sequence's shape in the case's layout."""
        return (steps, batch, width) if self.time_major else (batch, steps, width)

    def model(self) -> Model:
        """The graph with pseudo ops. Inputs: x, and each state given as an input."""
        batch = OPEN if self.open_batch else self.batch
        steps = OPEN if self.open_steps else self.steps
        main, build = Subgraph("main"), Builder("test")
        x = Tensor("x", "FLOAT32", self.sizes(batch, steps, self.cells[0].features))
        main.inputs = [x]
        if self.sized_late:
            x = self._sized_late(build, x)
        states = [self._initial(main, build, k, batch) for k in range(self._state_count())]
        results = [
            Tensor(f"y{k}", "FLOAT32", self.sizes(batch, steps, cell.states[0]))
            if state is None
            else Tensor(f"final{k}_{state}", "FLOAT32", (batch, cell.states[state]))
            for k, cell in enumerate(self.cells)
            for state in (None, *range(len(cell.states)))
        ]
        options: dict[str, Any] = {"recurrence": self.recurrences[0]}
        code = RECURRENCE
        if len(self.cells) == 2:
            code = BIDIRECTIONAL
            options = dict(zip(("forward", "backward"), self.recurrences, strict=True))
        main.ops = [*build.ops, Op(code, [x, *states], results, options)]
        main.outputs = self._selected(results)
        return Model([main])

    def check(self, model: Model, tolerance: float = 1e-5) -> None:
        """Runs the lowered model on all kernels, twice at each batch size.

        Args:
            model: The lowered `model()`.
            tolerance: Of the largest value an output should have, or of 1.
        """
        data = write_model(model)
        batches = (1, self.batch, 1, 8) if self.open_batch else (self.batch,)
        if "batch" in self.initial:
            batches = (self.batch,)
        for kernels in KERNELS:
            runner = Runner(data, kernels)
            for batch in batches:
                inputs, expected = self._sample(batch)
                first = list(runner.run(inputs).values())
                second = list(runner.run(inputs).values())
                for got, again, want in zip(first, second, expected, strict=True):
                    np.testing.assert_array_equal(got, again)
                    scale = max(1.0, float(np.abs(want).max()))
                    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)

    def _sample(self, batch: int) -> tuple[dict[str, Array], list[Array]]:
        rng = np.random.default_rng(batch)
        shape = self.sizes(batch, self.steps, self.cells[0].features)
        inputs: dict[str, Array] = {"x": rng.normal(size=shape).astype(np.float32)}
        if self.sized_late:
            inputs["begin"] = np.zeros(3, np.int32)
        states: list[Array | None] = []
        for k, (width, rows) in enumerate(zip(self._widths(), self._rows, strict=True)):
            kind = self.initial[k] if k < len(self.initial) else "none"
            if kind in ("input", "computed"):
                fed = rng.normal(size=(batch, width)).astype(np.float32)
                inputs[f"initial{k}"] = fed
                states.append(np.tanh(fed.astype(np.float64)) if kind == "computed" else fed)
            else:
                states.append(None if rows is None else np.broadcast_to(rows, (batch, width)))
        expected: list[Array] = []
        for recurrence in self.recurrences:
            count = len(recurrence.cell.states)
            expected += recurrence.run(inputs["x"], states[:count])
            states = states[count:]
        return inputs, self._selected(expected)

    def _selected(self, results: list[Any]) -> list[Any]:
        size = 1 + len(self.cells[0].states)
        parts = {"all": slice(0, size), "y": slice(0, 1), "finals": slice(1, size)}
        part = parts.get(self.outputs, slice(size - 1, size))
        return [r for k in range(0, len(results), size) for r in results[k : k + size][part]]

    def _widths(self) -> list[int]:
        return [width for cell in self.cells for width in cell.states]

    def _state_count(self) -> int:
        return len(self._widths())

    def _sized_late(self, build: Builder, x: Tensor) -> Tensor:
        begin = Tensor("begin", "INT32", (3,))
        self._extra = begin
        return build.op("SLICE", [x, begin, build.indices([-1, -1, -1])], "FLOAT32", x.shape)

    def _initial(self, main: Subgraph, build: Builder, k: int, batch: int) -> Tensor | None:
        kind = self.initial[k] if k < len(self.initial) else "none"
        width, rows = self._widths()[k], None
        if kind == "zeros":
            rows = np.zeros((1, width))
        elif kind in ("row", "batch"):
            rows = self._rng.normal(size=(1 if kind == "row" else self.batch, width))
        if k == 0 and self.sized_late:
            main.inputs.append(self._extra)
        self._rows.append(None if rows is None else rows.astype(np.float32))
        if kind in ("input", "computed"):
            fed = Tensor(f"initial{k}", "FLOAT32", (batch, width))
            main.inputs.append(fed)
            return build.unary("TANH", fed) if kind == "computed" else fed
        return None if rows is None else Tensor.constant("initial", rows.astype(np.float32))


def histogram(model: Model) -> Counter[str]:
    """How many ops of each code the model has."""
    return Counter(op.code for op in model.ops())
