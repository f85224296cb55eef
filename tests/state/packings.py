"""Graphs whose caller carries the states of several layers, packed in one of many ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from tests.lower.cases import random_lstm, random_rnn

FEATURES = 3

#: A state by layer and kind: "h" or "c".
Key = tuple[int, str]


def stack(rng: np.random.Generator, layers: int, steps: int, widths: Sequence[int]) -> Packed:
    """Recurrent layers one on the other, x [1, T, 3] to y; each a LSTM or a simple RNN.

    Args:
        rng: Draws the cells.
        layers: How many.
        steps: T.
        widths: The units of each.
    """
    packed = Packed()
    x, features = packed.x, FEATURES
    packed.x.shape = (1, steps, FEATURES)
    for k in range(layers):
        make = random_rnn if rng.random() < 0.3 else random_lstm
        cell = make(rng, features, widths[k])
        initial = [
            Tensor(f"first_{k}{n}", "FLOAT32", (1, w))
            for n, w in zip(cell.state_names, cell.states, strict=True)
        ]
        y = Tensor(f"y_{k}", "FLOAT32", (1, steps, widths[k]))
        finals = [
            Tensor(f"final_{k}{n}", "FLOAT32", (1, w))
            for n, w in zip(cell.state_names, cell.states, strict=True)
        ]
        recurrence = Recurrence(f"layer_{k}", cell, time_major=False)
        options = {"recurrence": recurrence}
        packed.body.append(Op(RECURRENCE, [x, *initial], [y, *finals], options))
        for name, before, after in zip(cell.state_names, initial, finals, strict=True):
            packed.states[k, name] = (before, after)
        x, features = y, widths[k]
    packed.y = x
    return packed


class Packed:
    """A stack of layers between what unpacks their states and what packs them again."""

    def __init__(self) -> None:
        self.x = Tensor("x", "FLOAT32", ())
        self.y = self.x
        self.states: dict[Key, tuple[Tensor, Tensor]] = {}
        self.unpacking, self.packing = Builder("unpack"), Builder("pack")
        self.body: list[Op] = []
        self.given: dict[str, Tensor] = {}
        self.results: dict[str, Tensor] = {}

    def model(self) -> Model:
        """The graph; outputs of states stand in the order of their names, reversed."""
        inputs = {"x": self.x, **self.given}
        outputs = {**dict(sorted(self.results.items(), reverse=True)), "y": self.y}
        ops = [*self.unpacking.ops, *self.body, *self.packing.ops]
        main = Subgraph("main", [*inputs.values()], [*outputs.values()], ops)
        return Model([main], [Signature("serving_default", main, inputs, outputs)])

    def name(self, name: str, given: Tensor, result: Tensor) -> None:
        """Makes an input and an output of packed states; their names say nothing of the pair."""
        given.name, result.name = f"in_{name}", f"out_{len(self.results)}"
        self.given[f"in_{name}"], self.results[f"out_{len(self.results)}"] = given, result

    def alone(self, key: Key) -> None:
        """A state that is an input by itself."""
        before, after = self.states[key]
        given = Tensor("given", "FLOAT32", (1, 1, *(before.shape or ())[1:]))
        self._unpacked(self.unpacking.reshape(given, before.shape or ()), before)
        self.name("_".join(map(str, key)), given, self.packing.reshape(after, given.shape or ()))

    def side_by_side(self, keys: Sequence[Key], after: Sequence[Key] | None = None) -> None:
        """States of any width, one after another in [1, widths].

        Args:
            keys: The order in the input.
            after: The order in the output, if it is another.
        """
        widths = [(self.states[key][0].shape or ())[1] for key in keys]
        given = Tensor("given", "FLOAT32", (1, sum(widths)))
        parts = [
            self.unpacking.part(given, 1, stop - width, stop)
            for width, stop in zip(widths, np.cumsum(widths).tolist(), strict=True)
        ]
        for key, part in zip(keys, parts, strict=True):
            self._unpacked(part, self.states[key][0])
        joined = [self.states[key][1] for key in after or keys]
        self.name("row", given, self.packing.concatenate(joined, 1))

    def stacked(self, keys: Sequence[Key], axes: Sequence[int]) -> None:
        """States of one width as [states, 1, width], its axes in another order."""
        shape = [len(keys), *(self.states[keys[0]][0].shape or ())]
        given = Tensor("given", "FLOAT32", tuple(shape[axis] for axis in axes))
        parts = self.unpacking.transpose(given, np.argsort(axes).tolist())
        for key, part in zip(keys, self.unpacking.unpack(parts, 0), strict=True):
            self._unpacked(part, self.states[key][0])
        packed = self.packing.pack([self.states[key][1] for key in keys], 0)
        self.name("stack", given, self.packing.transpose(packed, axes))

    def _unpacked(self, part: Tensor, before: Tensor) -> None:
        op = next(op for op in self.unpacking.ops if part in op.outputs)
        op.outputs = [before if t is part else t for t in op.outputs]


def packed_at_random(seed: int) -> Model:
    """One to three layers of a step or three, their states in one or several of the packings."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(1, 4))
    same = bool(rng.random() < 0.5)
    widths = [4] * layers if same else rng.integers(2, 6, layers).tolist()
    packed = stack(rng, layers, int(rng.choice([1, 1, 3])), widths)
    keys = [*packed.states]
    rng.shuffle(keys)
    keys = [(int(k), str(n)) for k, n in keys]
    cut = int(rng.integers(0, len(keys) + 1))
    together, rest = keys[:cut], keys[cut:]
    if together and same:
        packed.stacked(together, rng.permutation(3).tolist())
    elif together:
        packed.side_by_side(together)
    for key in rest:
        packed.alone(key)
    return packed.model()


def two_layers(steps: int = 1) -> Packed:
    """Two layers of four units."""
    rng = np.random.default_rng(3)
    return stack(rng, 2, steps, [4, 4])


def keys_of(packed: Packed) -> list[Key]:
    """The states, layer by layer."""
    return [*packed.states]
