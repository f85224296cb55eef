"""Writes WHILE loops as TensorFlow's converter does, in any spelling, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(eq=False)
class Variable:
    """A variable of the loop; `new` is what the body puts out, itself if it is passed on."""

    outer: Tensor
    inner: Tensor
    new: Tensor


class Author:
    """Writes one model with one loop; near misses override a method.

    Args:
        cells: The layers in the loop's body, first to last.
        spelling: How.
        step: What writes one step of a cell.
    """

    def __init__(self, cells: Sequence[Cell], spelling: Spelling, step: type[Step] = Step) -> None:
        self.cells = tuple(cells)
        self.spelling = spelling
        self.main, self.body, self.cond = (Builder(n) for n in ("layer", "body", "cond"))
        self.step = step(self.body, spelling)
        self.inputs: dict[str, Tensor] = {}
        self.variables: dict[str, Variable] = {}

    def model(self) -> Model:
        """x [B, T, F] and the initial states to "y" and, if asked for, each final state."""
        how, sizes = self.spelling, (self.spelling.batch, self.spelling.steps)
        x = self.input("x", (*sizes, self.cells[0].features))
        sequence = x if how.batch_major else self.main.transpose(x, [1, 0, 2])
        self.counted(sequence)
        width = self.cells[-1].states[0]
        self.variable("list", self.reserve(width))
        if how.carried == "first":
            self.carried(width, x)
        for layer, cell in enumerate(self.cells):
            self.initial(layer, cell, x)
        if how.carried == "last":
            self.carried(width, x)
        if how.unused:
            self.variable("unused", self.input("unused", (how.batch, 2)))
        self.variable("x", sequence)
        self.write_body()
        return self.assembled()

    def counted(self, sequence: Tensor) -> None:
        """The counters and the number of steps."""
        axis = 1 if self.spelling.batch_major else 0
        self.steps = self.main.indices(self.spelling.steps)
        if self.spelling.trip == "shape" or self.spelling.steps == OPEN:
            self.steps = self.scalar(self.main, self.main.shape(sequence), axis)
            self.variable("steps", self.steps)
        zero = self.main.indices(0)
        for k in range(self.spelling.counters):
            self.variable(f"count{k}", zero)
        if self.spelling.read == "countdown":
            start = self.main.binary("SUB", self.steps, self.main.indices(1))
            self.variable("countdown", start)

    def initial(self, layer: int, cell: Cell, x: Tensor) -> None:
        """The state variables of one layer."""
        names = dict(zip(self.names(cell), cell.states, strict=True))
        if self.spelling.states == "two" or len(names) == 1:
            groups = {f"{n}{layer}": width for n, width in names.items()}
        else:
            groups = {f"state{layer}": sum(names.values())}
        for name, width in groups.items():
            shape = (self.spelling.batch, width)
            given = self.spelling.initial == "input"
            self.variable(name, self.input(name, shape) if given else self.zeros(x, width))

    def carried(self, width: int, x: Tensor) -> None:
        """A variable that carries the last output."""
        self.variable("last", self.zeros(x, width))

    def write_body(self) -> None:
        """One step: the counters, the cells, the item of the list."""
        inner = {name: v.inner for name, v in self.variables.items()}
        one = self.body.indices(1)
        for name in (n for n in inner if n.startswith("count")):
            code = "SUB" if name == "countdown" else "ADD"
            self.variables[name].new = self.body.binary(code, inner[name], one)
        value = self.read(inner["x"])
        for layer, cell in enumerate(self.cells):
            states = self.step.write(cell, value, self.old_states(layer, cell))
            self.set_states(layer, states)
            value = states[0]
        if "last" in inner:
            self.variables["last"].new = value
        item, index = self.item(states), self.place(self.spelling.write)
        if self.spelling.write == "last":
            index = self.body.indices(0)
        self.variables["list"].new = set_item(self.body, inner["list"], index, item)

    def names(self, cell: Cell) -> str:
        """The states' names: h, or h and c."""
        return "hc"[: len(cell.states)]

    def old_states(self, layer: int, cell: Cell) -> list[Tensor]:
        """The states of one layer, h first."""
        joined = self.variables.get(f"state{layer}")
        if joined is None:
            return [self.variables[f"{n}{layer}"].inner for n in self.names(cell)]
        first, second = cell.states[:: 1 if self.spelling.states == "h|c" else -1]
        if first == second and self.spelling.cut == "split":
            parts = self.body.split(joined.inner, 2, 1)
        else:
            edges = [(0, first), (first, first + second)]
            parts = [self.step.columns(joined.inner, *edge) for edge in edges]
        return parts if self.spelling.states == "h|c" else parts[::-1]

    def set_states(self, layer: int, states: list[Tensor]) -> None:
        """Puts the new states where the old ones were."""
        joined = self.variables.get(f"state{layer}")
        if joined is None:
            for name, state in zip("hc", states, strict=False):
                self.variables[f"{name}{layer}"].new = state
            return
        parts = states if self.spelling.states == "h|c" else states[::-1]
        joined.new = self.body.concatenate(parts, 1)

    def read(self, sequence: Tensor) -> Tensor:
        """The step of the sequence [B, F]."""
        index = self.place(self.spelling.read)
        if not self.spelling.batch_major:
            return self.body.gather(sequence, index)
        zero, one = self.body.indices(0), self.body.indices(1)
        begin = self.packed(self.body, [zero, index, zero])
        end = self.packed(self.body, [zero, self.body.binary("ADD", index, one), zero])
        strides = self.body.indices([1, 1, 1])
        shape = [(sequence.shape or ())[k] for k in (0, 2)]
        return self.body.op(
            "STRIDED_SLICE",
            [sequence, begin, end, strides],
            "FLOAT32",
            shape,
            begin_mask=0b101,
            end_mask=0b101,
            shrink_axis_mask=0b010,
        )

    def place(self, order: str) -> Tensor:
        """The position of this step, in an order of `Spelling.read` or `Spelling.write`."""
        count = self.variables[f"count{self.spelling.counters - 1}"].inner
        if order == "countdown":
            return self.variables["countdown"].inner
        if order != "backward":
            return count
        last = self.body.binary("SUB", self.limit("inner"), self.body.indices(1))
        return self.body.binary("SUB", last, count)

    def item(self, states: list[Tensor]) -> Tensor:
        """What is written into the list: the last layer's output."""
        return states[0]

    def limit(self, side: str) -> Tensor:
        """The number of steps as the body sees it."""
        known = self.variables.get("steps")
        return self.steps if known is None else getattr(known, side)

    def condition(self, inputs: dict[str, Tensor]) -> Tensor:
        """Whether there is another step."""
        limit = inputs.get("steps", self.steps)
        counts = [t for n, t in inputs.items() if n.startswith("count") and n != "countdown"]
        bounds = [self.cond.binary("LESS", count, limit) for count in counts]
        while len(bounds) > 1:
            bounds[:2] = [self.cond.op("LOGICAL_AND", bounds[:2], "BOOL", ())]
        return bounds[0]

    def reserve(self, width: int) -> Tensor:
        """The list before the loop."""
        length = self.main.indices(1) if self.spelling.write == "last" else self.steps
        out = Tensor("layer/list", "VARIANT", ())
        return custom(self.main, "Reserve", [self.main.indices([OPEN, width]), length], out)

    def assembled(self) -> Model:
        """The three graphs put together."""
        names, variables = list(self.variables), list(self.variables.values())
        inputs = {n: _like(v.inner, f"cond/{n}") for n, v in self.variables.items()}
        going_on = self.condition(inputs)
        cond = Subgraph("cond", list(inputs.values()), [going_on], self.cond.ops)
        inner = [v.inner for v in variables]
        body = Subgraph("body", inner, [v.new for v in variables], self.body.ops)
        outer = [_like(v.inner, "layer/while") for v in variables]
        graphs = {"cond_subgraph": cond, "body_subgraph": body}
        self.main.ops.append(make_op("WHILE", [v.outer for v in variables], outer, **graphs))
        results = dict(zip(names, outer, strict=True))
        outputs = {"y": self.stacked(results["list"])}
        for name in names if self.spelling.finals else ():
            if name[:-1] in ("h", "c", "state") or name == "last":
                outputs[name] = results[name]
        main = Subgraph("main", [*self.inputs.values()], [*outputs.values()], self.main.ops)
        signature = Signature("serving_default", main, dict(self.inputs), outputs)
        return Model([main, cond, body], [signature])

    def stacked(self, written: Tensor) -> Tensor:
        """The list as a tensor [N, B, O]."""
        how, width = self.spelling, self.cells[-1].states[0]
        length = 1 if how.write == "last" else how.steps
        out = Tensor("layer/stacked", "FLOAT32", (length, how.batch, width))
        return custom(self.main, "Stack", [written, self.main.indices([OPEN, width])], out)

    def input(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An input of the model."""
        self.inputs[name] = Tensor(f"layer/{name}", "FLOAT32", shape)
        return self.inputs[name]

    def variable(self, name: str, outer: Tensor) -> None:
        """A variable that is passed on until the body says otherwise."""
        inner = _like(outer, f"body/{name}")
        self.variables[name] = Variable(outer, inner, inner)

    def zeros(self, x: Tensor, width: int) -> Tensor:
        """A state [B, width] of zeros."""
        if self.spelling.batch != OPEN:
            return self.main.constant("zeros", np.zeros((self.spelling.batch, width), np.float32))
        batch = self.scalar(self.main, self.main.shape(x), 0)
        dims = self.packed(self.main, [batch, self.main.indices(width)])
        return self.main.fill(
            dims, self.main.constant("zero", np.zeros((), np.float32)), (OPEN, width)
        )

    def scalar(self, build: Builder, vector: Tensor, place: int) -> Tensor:
        """One element of an int32 vector."""
        places = map(build.indices, ([place], [place + 1], [1]))
        return build.op("STRIDED_SLICE", [vector, *places], "INT32", (), shrink_axis_mask=1)

    def packed(self, build: Builder, items: Sequence[Tensor]) -> Tensor:
        """Scalars as a vector."""
        return build.op("PACK", items, "INT32", (len(items),), values_count=len(items))


def truth(cells: Sequence[Cell], spelling: Spelling, arrays: dict[str, Array]) -> dict[str, Array]:
    """What the model computes, by the cells' own equations in float64."""
    x = arrays["x"].swapaxes(0, 1)
    running = x if spelling.read == "forward" else x[::-1]
    results: dict[str, Array] = {}
    for layer, cell in enumerate(cells):
        initial = _given(cell, layer, spelling, arrays)
        running, *finals = Recurrence("truth", cell).run(running, initial)
        results |= {f"{n}{layer}": v for n, v in zip("hc", finals, strict=False)}
        if spelling.states != "two" and len(finals) == 2:
            pair = finals if spelling.states == "h|c" else finals[::-1]
            results[f"state{layer}"] = np.concatenate(pair, 1)
    results["last"] = running[-1]
    orders = {"forward": running, "backward": running[::-1], "last": running[-1:]}
    return results | {"y": orders[spelling.write]}


def custom(build: Builder, code: str, operands: Sequence[Tensor], out: Tensor) -> Tensor:
    """Appends an op on a TensorList."""
    build.ops.append(Op(f"FlexTensorList{code}", list(operands), [out], custom=True))
    return out


def set_item(build: Builder, listed: Tensor, index: Tensor, item: Tensor) -> Tensor:
    """The list with `item` at `index`."""
    return custom(build, "SetItem", [listed, index, item], Tensor("list", "VARIANT", ()))


def _given(
    cell: Cell, layer: int, spelling: Spelling, arrays: dict[str, Array]
) -> list[Array | None]:
    joined = arrays.get(f"state{layer}")
    if joined is None:
        return [arrays.get(f"{n}{layer}") for n, _ in zip("hc", cell.states, strict=False)]
    cut = cell.states[0 if spelling.states == "h|c" else -1]
    parts = [joined[:, :cut], joined[:, cut:]]
    return [*(parts if spelling.states == "h|c" else parts[::-1])]


def _like(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.dtype, tensor.shape)
