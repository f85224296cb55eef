"""Writes recurrences out step by step, as frameworks unroll them, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from tests.recognise.spelling import Spelling, Step

Array = NDArray[Any]
Cell = Lstm | SimpleRnn


@dataclass(frozen=True)
class Unrolling:
    """How the steps are written out.

    Attributes:
        steps: T.
        batch: B, or OPEN.
        reader: What takes the steps of x apart.
        reverse: Whether they run from the last to the first.
        initial: The first states: a FILL of zeros, inputs of the model, or zeros that were
            folded into the first step.
        emits: All outputs as one tensor, each by itself, or the last alone.
        finals: Whether the final states are outputs as well.
        stacked_axis: The axis of time where all outputs are one tensor.
    """

    steps: int = 4
    batch: int = OPEN
    reader: Literal["unpack", "slice", "gather", "split"] = "unpack"
    reverse: bool = False
    initial: Literal["zero", "input", "folded"] = "zero"
    emits: Literal["all", "each", "last"] = "all"
    finals: bool = False
    stacked_axis: int = 1


class Unrolled:
    """Writes one model; near misses override a method.

    Args:
        cells: The layers of each step, first to last.
        spelling: How a step is written.
        how: How the steps are.
    """

    def __init__(self, cells: Sequence[Cell], spelling: Spelling, how: Unrolling) -> None:
        self.cells, self.spelling, self.how = list(cells), spelling, how
        self.build = Builder("layer")
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        #: By layer, the states before the first step and after each, the output first.
        self.history: list[list[list[Tensor]]] = []

    def model(self) -> Model:
        """x [B, T, F] and the initial states to "y", "y{k}" or "last", and the final states."""
        batch = 2 if self.how.initial == "folded" else self.how.batch
        x = self.input("x", (batch, self.how.steps, self.cells[0].features))
        values = self.taken_apart(x)
        order = list(range(self.how.steps))[:: -1 if self.how.reverse else 1]
        self.history = [[self.first(k, cell, x)] for k, cell in enumerate(self.cells)]
        emitted: dict[int, Tensor] = {}
        for number, t in enumerate(order):
            emitted[t] = self.step(number, values[t])
        self.put_out([emitted[t] for t in range(self.how.steps)], emitted[order[-1]])
        ops = self.build.ops
        main = Subgraph("main", [*self.inputs.values()], [*self.outputs.values()], ops)
        if self.how.initial == "folded":
            fold(main)
        return Model([main], [Signature("run", main, self.inputs, self.outputs)])

    def step(self, number: int, value: Tensor) -> Tensor:
        """All layers of one step; gives what the last puts out."""
        for layer, cell in enumerate(self.cells):
            states = self.written(number, layer, cell, value)
            self.history[layer].append(states)
            value = states[0]
        return value

    def written(self, number: int, layer: int, cell: Cell, value: Tensor) -> list[Tensor]:
        """One layer's new states in one step."""
        return Step(self.build, self.spelling).write(cell, value, self.history[layer][number])

    def input(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An input of the model."""
        self.inputs[name] = Tensor(name, "FLOAT32", shape)
        return self.inputs[name]

    def taken_apart(self, x: Tensor) -> list[Tensor]:
        """The steps of x, [B, F] each."""
        batch, steps, features = x.shape or ()
        row, build = (batch, features), self.build
        if self.how.reader == "unpack":
            parts = [build.tensor(f"x{t}", "FLOAT32", row) for t in range(steps)]
            build.ops.append(make_op("UNPACK", [x], parts, num=steps, axis=1))
            return parts
        if self.how.reader == "split":
            joined = build.split(x, steps, axis=1)
            return [build.op("SQUEEZE", [p], "FLOAT32", row, squeeze_dims=[1]) for p in joined]
        if self.how.reader == "gather":
            indices = [build.indices(t) for t in range(steps)]
            return [build.op("GATHER", [x, i], "FLOAT32", row, axis=1) for i in indices]
        return [self.sliced(x, t) for t in range(steps)]

    def sliced(self, x: Tensor, t: int) -> Tensor:
        """x[:, t, :]."""
        places = map(self.build.indices, ([0, t, 0], [0, t + 1, 0], [1, 1, 1]))
        batch, _, features = x.shape or ()
        return self.build.op(
            "STRIDED_SLICE",
            [x, *places],
            "FLOAT32",
            (batch, features),
            begin_mask=5,
            end_mask=5,
            shrink_axis_mask=2,
        )

    def first(self, layer: int, cell: Cell, x: Tensor) -> list[Tensor]:
        """The states of one layer before the first step."""
        names = [f"{n}{layer}" for n in "hc"[: len(cell.states)]]
        batch = (x.shape or ())[0]
        if self.how.initial == "input":
            pairs = zip(names, cell.states, strict=True)
            return [self.input(name, (batch, width)) for name, width in pairs]
        return [self.zeros(x, batch, width) for width in cell.states]

    def zeros(self, x: Tensor, batch: int, width: int) -> Tensor:
        """[B, width] of zeros."""
        build = self.build
        if self.how.initial == "folded":
            return build.constant("zeros", np.zeros((batch, width), np.float32))
        dims = build.concatenate([build.dimension(x, 0), build.indices([width])], axis=0)
        return build.fill(dims, build.constant("zero", np.zeros((), np.float32)), (batch, width))

    def put_out(self, emitted: list[Tensor], last: Tensor) -> None:
        """The model's outputs, given what each step puts out and what the last one does."""
        if self.how.emits == "all":
            axis, (batch, width) = self.how.stacked_axis, emitted[0].shape or ()
            shape = [batch, width]
            shape.insert(axis, len(emitted))
            self.outputs["y"] = self.build.op(
                "PACK", emitted, "FLOAT32", shape, values_count=len(emitted), axis=axis
            )
        elif self.how.emits == "each":
            self.outputs |= {f"y{t}": tensor for t, tensor in enumerate(emitted)}
        if self.how.emits == "last" or self.how.finals:
            self.outputs["last"] = last
        if self.how.finals:
            for layer, states in enumerate(self.history):
                self.outputs |= {f"c{layer}": state for state in states[-1][1:]}


def truth(cells: Sequence[Cell], how: Unrolling, arrays: dict[str, Array]) -> dict[str, Array]:
    """What the model computes, by the cells' own equations in float64."""
    running = arrays["x"].swapaxes(0, 1)[:: -1 if how.reverse else 1]
    results: dict[str, Array] = {}
    for layer, cell in enumerate(cells):
        initial = [arrays.get(f"{n}{layer}") for n in "hc"[: len(cell.states)]]
        running, _, *rest = Recurrence("truth", cell).run(running, initial)
        results |= {f"c{layer}": value for value in rest}
    steps = running[:: -1 if how.reverse else 1]
    results |= {f"y{t}": value for t, value in enumerate(steps)}
    y = steps if how.stacked_axis == 0 else steps.swapaxes(0, 1)
    return results | {"last": running[-1], "y": y}


def fold(main: Subgraph) -> None:
    """What converters do with zeros: products of constants, times zero, plus zero."""
    now: dict[int, Tensor] = {}
    kept: list[Op] = []
    for op in main.ops:
        op.inputs = [now.get(id(t), t) if t is not None else None for t in op.inputs]
        simpler = _FOLDS[op.code](op) if op.code in _FOLDS else None
        if simpler is None:
            kept.append(op)
        else:
            now[id(op.outputs[0])] = simpler
    main.ops = kept


def _product(op: Op) -> Tensor | None:
    x, weights, *bias = (t.array if t is not None else None for t in op.inputs)
    if x is None or weights is None:
        return None
    across = op.code == "FULLY_CONNECTED" or op.options["adj_y"]
    value = x @ (weights.T if across else weights)
    added = value if not bias or bias[0] is None else value + bias[0]
    return Tensor.constant("folded", added.astype(np.float32))


def _sum(op: Op) -> Tensor | None:
    a, b = op.inputs
    for one, other in ((a, b), (b, a)):
        whole = one is not None and other is not None and other.shape == op.outputs[0].shape
        if whole and one is not None and one.array is not None and not one.array.any():
            return other
    return None


def _times(op: Op) -> Tensor | None:
    if any(t is not None and t.array is not None and not t.array.any() for t in op.inputs):
        return Tensor.constant("folded", np.zeros(op.outputs[0].shape or (), np.float32))
    return None


_FOLDS: dict[str, Callable[[Op], Tensor | None]] = {
    "FULLY_CONNECTED": _product,
    "BATCH_MATMUL": _product,
    "ADD": _sum,
    "MUL": _times,
}
