"""One step of a cell, written op by op in one of its many spellings."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Tensor

Array = NDArray[Any]
Parts = dict[str, Tensor]

#: The op of each activation.
OPS = {"SIGMOID": "LOGISTIC"}


@dataclass(frozen=True)
class Spelling:
    """How a loop is written; what it computes is the cell's.

    Attributes:
        order: The gates' order in a joined kernel.
        kernels: One product a gate and operand, one an operand, or one for [x, h].
        cut: How joined gates are parted.
        matmul: The op of the products.
        bias: In the product, added apart, or with 1 of the forget gate's bias added by itself.
        sigmoid: The op, or 0.5 * tanh(0.5 z) + 0.5.
        gates_first: Whether one sigmoid runs over all joined gates before they are parted.
        coupled: f*c + (1-f)*g; g + f*(c-g); or (1-i)*c + i*g.
        maximum_first: Whether a clip takes the maximum first.
        states: Each in a variable of its own, or both in one.
        counters: How many variables count the steps.
        read: The order the sequence is read in.
        write: The order the list is written in; "last": a list of one item.
        batch_major: Whether a step is sliced out of [B, T, F] rather than gathered from [T, B, F].
        trip: The number of steps: a number in the graph, or the sequence's length.
        initial: The initial states: zeros, or inputs of the model.
        unused: Whether a variable is carried that nothing reads.
        carried: Where a variable stands that carries the last output; "" for none.
        finals: Whether the final states are outputs of the model.
        batch: B, or OPEN.
        steps: T, or OPEN.
        seed: Of the order and association of sums and products.
    """

    order: tuple[str, ...] = ("input", "forget", "candidate", "output")
    kernels: Literal["separate", "joined", "concatenated"] = "joined"
    cut: Literal["split", "slice"] = "split"
    matmul: Literal["fully_connected", "batch_matmul", "batch_matmul_adj_y"] = "fully_connected"
    bias: Literal["fused", "apart", "forget_apart"] = "apart"
    sigmoid: Literal["op", "tanh"] = "op"
    gates_first: bool = False
    coupled: Literal["f,1-f", "g+f(c-g)", "1-i,i"] = "f,1-f"
    maximum_first: bool = False
    states: Literal["two", "h|c", "c|h"] = "two"
    counters: Literal[1, 2] = 2
    read: Literal["forward", "backward", "countdown"] = "forward"
    write: Literal["forward", "backward", "last"] = "forward"
    batch_major: bool = False
    trip: Literal["constant", "shape"] = "shape"
    initial: Literal["zero", "input"] = "zero"
    unused: bool = False
    carried: Literal["", "first", "last"] = ""
    finals: bool = True
    batch: int = -1
    steps: int = -1
    seed: int = 0


class Step:
    """Writes one step of a cell; near misses override a method.

    Args:
        build: Collects the ops.
        spelling: How.
    """

    def __init__(self, build: Builder, spelling: Spelling) -> None:
        self.build = build
        self.spelling = spelling
        self._random = random.Random(spelling.seed)

    def write(self, cell: Lstm | SimpleRnn, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """The new states from x [B, F] and the old ones."""
        if isinstance(cell, SimpleRnn):
            step = Gate(cell.kernel, cell.recurrent, cell.bias)
            return [self.activated(cell.activation, self.affine({"step": step}, x, states[0]))]
        h, c = states
        z, gates = self.gates(cell, x, h)
        c = self.clipped(self.new_cell(cell, z, gates, c), cell.cell_clip)
        return [self.emission(cell, z, gates, c), c]

    def gates(self, cell: Lstm, x: Tensor, h: Tensor) -> tuple[Parts, Parts]:
        """Each gate before its sigmoid, and those whose sigmoid is already taken."""
        spelling = self.spelling
        known = {n: g for n in spelling.order if (g := getattr(cell, n)) is not None}
        if spelling.kernels == "separate":
            z, taken = {n: self.affine({n: g}, x, h) for n, g in known.items()}, {}
        else:
            joined = self.affine(known, x, h)
            z = self.parted(joined, list(known))
            early = spelling.gates_first and not self._after_cut(cell)
            taken = self.parted(self.sigmoid(joined), list(known)) if early else {}
        if spelling.bias == "forget_apart":
            z["forget"] = self.add(z["forget"], self.constant(np.float32(1.0)))
        return z, taken

    def _after_cut(self, cell: Lstm) -> bool:
        """Whether something is added to single gates."""
        return cell.forget.peephole is not None or self.spelling.bias == "forget_apart"

    def gate(self, cell: Lstm, name: str, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """sigmoid(z + peephole * c)."""
        if name in taken:
            return taken[name]
        argument, peephole = z[name], getattr(cell, name).peephole
        if peephole is not None:
            argument = self.add(argument, self.times(c, self.constant(peephole)))
        return self.sigmoid(argument)

    def new_cell(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """f*c + i*g."""
        g = self.activated(cell.activation, z["candidate"])
        if cell.input is None and self.spelling.coupled == "1-i,i":
            assert cell.forget.peephole is None, "this spelling has none"
            i = self.sigmoid(self.build.unary("NEG", z["forget"]))
            return self.add(self.times(self.one_minus(i), c), self.times(i, g))
        f = self.gate(cell, "forget", z, taken, c)
        if cell.input is not None:
            i = self.gate(cell, "input", z, taken, c)
            return self.add(self.times(f, c), self.times(i, g))
        if self.spelling.coupled == "g+f(c-g)":
            return self.add(g, self.times(f, self.build.binary("SUB", c, g)))
        return self.add(self.times(f, c), self.times(self.one_minus(f), g))

    def emission(self, cell: Lstm, z: Parts, taken: Parts, c: Tensor) -> Tensor:
        """The new h: o*activation(c'), projected."""
        o = self.gate(cell, "output", z, taken, c)
        m = self.times(o, self.activated(cell.activation, c))
        if cell.projection is None:
            return m
        h = self.product(m, cell.projection, cell.projection_bias)
        return self.clipped(h, cell.projection_clip)

    def affine(self, gates: dict[str, Gate], x: Tensor, h: Tensor) -> Tensor:
        """kernel x + recurrent h + bias of some gates, side by side."""
        kernel = np.concatenate([g.kernel for g in gates.values()])
        recurrent = np.concatenate([g.recurrent for g in gates.values()])
        apart = self.spelling.bias == "forget_apart"
        bias = np.concatenate([g.bias - (apart and n == "forget") for n, g in gates.items()])
        fused = bias if self.spelling.bias == "fused" else None
        if self.spelling.kernels == "concatenated":
            both = self.build.concatenate([x, h], 1)
            parts = [self.product(both, np.concatenate([kernel, recurrent], 1), fused)]
        else:
            parts = [self.product(x, kernel, fused), self.product(h, recurrent)]
        return self.total(parts if fused is not None else [*parts, self.constant(bias)])

    def product(self, x: Tensor, matrix: Array, bias: Array | None = None) -> Tensor:
        """matrix x + bias."""
        build, how = self.build, self.spelling.matmul
        shape = ((x.shape or ())[0], matrix.shape[0])
        fused = how == "fully_connected" and bias is not None and self.spelling.bias == "fused"
        if how == "fully_connected":
            operands = [x, self.constant(matrix), self.constant(bias) if fused else None]
            z = build.op("FULLY_CONNECTED", operands, "FLOAT32", shape)
        else:
            adjoint = how == "batch_matmul_adj_y"
            weights = self.constant(matrix if adjoint else matrix.T)
            z = build.op("BATCH_MATMUL", [x, weights], "FLOAT32", shape, adj_y=adjoint)
        return z if bias is None or fused else self.add(z, self.constant(bias))

    def parted(self, joined: Tensor, names: list[str]) -> Parts:
        """Equal parts of the columns."""
        if self.spelling.cut == "split":
            parts = self.build.split(joined, len(names), 1)
        else:
            width = (joined.shape or ())[-1] // len(names)
            edges = [(k * width, (k + 1) * width) for k in range(len(names))]
            parts = [self.columns(joined, *edge) for edge in edges]
        return dict(zip(names, parts, strict=True))

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        """x[:, start:stop]."""
        places = map(self.build.indices, ([0, start], [0, stop], [1, 1]))
        shape = ((x.shape or ())[0], stop - start)
        return self.build.op(
            "STRIDED_SLICE", [x, *places], "FLOAT32", shape, begin_mask=1, end_mask=1
        )

    def sigmoid(self, z: Tensor) -> Tensor:
        """1 / (1 + exp(-z))."""
        if self.spelling.sigmoid == "op":
            return self.build.unary("LOGISTIC", z)
        half = self.constant(np.float32(0.5))
        return self.add(self.times(self.build.unary("TANH", self.times(z, half)), half), half)

    def activated(self, name: str, z: Tensor) -> Tensor:
        """The activation of z."""
        return z if name == "NONE" else self.build.unary(OPS.get(name, name), z)

    def clipped(self, z: Tensor, bound: float) -> Tensor:
        """z within [-bound, bound]; as it is where the bound is 0."""
        if not bound:
            return z
        ops = [("MINIMUM", bound), ("MAXIMUM", -bound)]
        for op, limit in reversed(ops) if self.spelling.maximum_first else ops:
            z = self.build.binary(op, z, self.constant(np.float32(limit)))
        return z

    def one_minus(self, z: Tensor) -> Tensor:
        """1 - z."""
        return self.build.binary("SUB", self.constant(np.float32(1.0)), z)

    def total(self, parts: list[Tensor]) -> Tensor:
        """The sum, in any order and association."""
        parts = list(parts)
        self._random.shuffle(parts)
        while len(parts) > 1:
            at = self._random.randrange(len(parts) - 1)
            parts[at : at + 2] = [self.build.binary("ADD", *parts[at : at + 2])]
        return parts[0]

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        """a + b, or b + a."""
        return self.total([a, b])

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        """a * b, or b * a."""
        pair = [a, b]
        self._random.shuffle(pair)
        return self.build.binary("MUL", *pair)

    def constant(self, values: Any) -> Tensor:
        """A float32 constant."""
        return self.build.constant("constant", np.asarray(values, np.float32))
