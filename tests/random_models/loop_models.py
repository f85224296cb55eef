"""Hand-written recurrences at random: loops over TensorArrays, scans, functions in functions.

What an author of a loop is free in, and a layer of a framework is not: the order of the gates, one
product or one a gate, the forget bias apart, what else happens in the loop's body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

CELLS = (
    "lstm",
    "lstm",
    "lstm",
    "rnn",
    "gru",
    "minimal gated unit",
    "peephole on one gate",
    "lstm with a relu candidate",
    "coupled lstm",
    "leaky rnn",
)


@dataclass
class LoopAuthor:
    """Writes one function.

    Attributes:
        choose: Draws one of the options.
        time_major: Whether its sequences are [T, B, F].
        story: What was written.
    """

    choose: Callable[[Sequence[Any]], Any]
    time_major: bool = False
    story: list[str] = field(default_factory=list)

    def source(self) -> SourceModel:
        """The function, traced; its weights are variables of a module."""
        self.tf = tf = load("tensorflow")
        self.random = np.random.default_rng(self.choose(range(1000)))
        self.owner = tf.Module()
        self.owner.weights = []
        self.time_major = self.choose([False, True])
        self.steps = self.choose([None, None, 5])
        self.features = self.choose([1, 3, 4])
        count = self.choose([1, 1, 1, 2])
        steps, width, parts = [], self.features, []
        for _ in range(count):
            step, states = self._cell(self.choose(CELLS), width)
            steps.append(step)
            parts.append(states)
            width = states[0]
        inside = self.choose(["nothing", "nothing", "nothing", "residual", "attention"])
        memory = self._weight(6, width)
        run = self.choose(["while_loop", "scan", "for"])
        final = self.choose([False, False, True])
        shape = [self.steps, None, self.features]
        shape = shape if self.time_major else [None, self.steps, self.features]
        self.story.append(f"{run}, {inside} inside, x {shape}, time-major {self.time_major}")

        def body(x: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
            """One step of all cells: the output and the new states."""
            new: list[Any] = []
            value = x
            for each, widths in zip(steps, parts, strict=True):
                own = each(value, states[len(new) : len(new) + len(widths)])
                value = own[0]
                new += own
            if inside == "residual" and value.shape[-1] == x.shape[-1]:
                value = value + x
            if inside == "attention":
                weights = tf.nn.softmax(tf.matmul(value, memory, transpose_b=True))
                value = tf.concat([value, tf.matmul(weights, memory)], 1)
            return value, new

        nested = self.choose([False, True])
        advance: Any = tf.function(body) if nested else body
        widths = [w for states in parts for w in states]

        def function(x: Any) -> dict[str, Any]:
            sequence = x if self.time_major else tf.transpose(x, [1, 0, 2])
            zeros = [tf.zeros([tf.shape(sequence)[1], w]) for w in widths]
            y, states = self._run(run, advance, sequence, zeros)
            y = y if self.time_major else tf.transpose(y, [1, 0, 2])
            named = {f"state_{k}": s for k, s in enumerate(states)} if final else {}
            return {"y": y, **named}

        signature = [tf.TensorSpec(shape, tf.float32, name="x")]
        self.owner.function = tf.function(function, input_signature=signature)
        return source_model(self.owner.function, "random", {})

    # Loops -------------------------------------------------------------------------------------

    def _run(self, run: str, step: Any, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """x [T, B, F] to y [T, B, O] and the final states."""
        tf = self.tf
        if run == "scan":
            width = step(x[0], states)[0].shape[-1]
            first = (tf.zeros([tf.shape(x)[1], width]), *states)
            results = tf.scan(lambda a, e: _flat(step(e, list(a[1:]))), x, first)
            return results[0], [s[-1] for s in results[1:]]
        total = tf.shape(x)[0]
        made = tf.TensorArray(tf.float32, total, element_shape=step(x[0], states)[0].shape)
        steps = tf.TensorArray(tf.float32, total).unstack(x)

        def advance(t: Any, made: Any, *now: Any) -> Any:
            y, new = step(steps.read(t), list(now))
            return t + 1, made.write(t, y), *new

        if run == "while_loop":
            _, made, *states = tf.while_loop(lambda t, *_: t < total, advance, (0, made, *states))
            return made.stack(), list(states)
        for t in tf.range(total):  # AutoGraph turns it into a loop
            y, states = step(x[t], states)
            made = made.write(t, y)
        return made.stack(), states

    # Cells -------------------------------------------------------------------------------------

    def _cell(self, kind: str, features: int) -> tuple[Callable[..., list[Any]], list[int]]:
        """(x, states) to the new states, the output's first; and their widths."""
        units = self.choose([1, 2, 5])
        if "lstm" in kind or "peephole" in kind:
            return self._lstm(kind, features, units), [units, units]
        self.story.append(f"{kind}, {units} units")
        return getattr(self, f"_{kind.replace(' ', '_')}")(features, units), [units]

    def _gates(self, names: str, features: int, units: int) -> Callable[..., Mapping[str, Any]]:
        """(x, h) to each gate before its nonlinearity, in one of the ways that people write it."""
        tf = self.tf
        how = self.choose(["one product", "a product a gate", "x and h apart", "all apart"])
        order = self.choose([names, names[::-1], names[1:] + names[:1]])
        self.story.append(f"gates {order}, {how}")
        x_weights = {g: self._weight(features, units) for g in names}
        h_weights = {g: self._weight(units, units) for g in names}
        biases = {g: self._weight(units) for g in names}
        joined = [self._joined([w[g] for g in order], 1) for w in (x_weights, h_weights)]
        both = self._joined(joined, 0)
        bias = self._joined([biases[g] for g in order], 0)
        each = {g: self._joined([x_weights[g], h_weights[g]], 0) for g in names}

        def gates(x: Any, h: Any) -> Mapping[str, Any]:
            if how == "one product":
                z = tf.matmul(tf.concat([x, h], 1), both) + bias
                return dict(zip(order, tf.split(z, len(order), 1), strict=True))
            if how == "x and h apart":
                z = tf.matmul(x, joined[0]) + tf.matmul(h, joined[1]) + bias
                return {g: z[:, k * units : (k + 1) * units] for k, g in enumerate(order)}
            if how == "a product a gate":
                return {g: tf.matmul(tf.concat([x, h], 1), each[g]) + biases[g] for g in order}
            return {
                g: tf.matmul(x, x_weights[g]) + tf.matmul(h, h_weights[g]) + biases[g]
                for g in order
            }

        return gates

    def _lstm(self, kind: str, features: int, units: int) -> Callable[..., list[Any]]:
        tf = self.tf
        gates = self._gates("ifgo", features, units)
        forget = self.choose([0.0, 0.0, 1.0])
        clip = self.choose([0.0, 0.0, 0.8])
        peephole = self._weight(units)
        self.story.append(f"{kind}, {units} units, forget bias {forget}, clip {clip}")
        activation = tf.nn.relu if "relu" in kind else tf.tanh

        def step(x: Any, states: Sequence[Any]) -> list[Any]:
            h, c = states
            z = gates(x, h)
            seen = z["f"] + forget
            if "peephole" in kind:
                seen = seen + c * peephole
            f = tf.sigmoid(seen)
            i = 1.0 - f if "coupled" in kind else tf.sigmoid(z["i"])
            c = f * c + i * activation(z["g"])
            if clip:
                c = tf.clip_by_value(c, -clip, clip)
            return [tf.sigmoid(z["o"]) * tf.tanh(c), c]

        return step

    def _rnn(self, features: int, units: int) -> Callable[..., list[Any]]:
        gates = self._gates("h", features, units)
        activation = self.choose([self.tf.tanh, self.tf.nn.relu])
        return lambda x, states: [activation(gates(x, states[0])["h"])]

    def _leaky_rnn(self, features: int, units: int) -> Callable[..., list[Any]]:
        gates = self._gates("h", features, units)
        return lambda x, s: [0.9 * s[0] + 0.1 * self.tf.tanh(gates(x, s[0])["h"])]

    def _gru(self, features: int, units: int) -> Callable[..., list[Any]]:
        tf = self.tf
        gates = self._gates("zr", features, units)
        candidate = self._gates("h", features, units)

        def step(x: Any, states: Sequence[Any]) -> list[Any]:
            (h,) = states
            z = gates(x, h)
            update = tf.sigmoid(z["z"])
            new = tf.tanh(candidate(x, tf.sigmoid(z["r"]) * h)["h"])
            return [update * h + (1.0 - update) * new]

        return step

    def _minimal_gated_unit(self, features: int, units: int) -> Callable[..., list[Any]]:
        tf = self.tf
        gate = self._gates("f", features, units)
        candidate = self._gates("h", features, units)

        def step(x: Any, states: Sequence[Any]) -> list[Any]:
            (h,) = states
            f = tf.sigmoid(gate(x, h)["f"])
            return [(1.0 - f) * h + f * tf.tanh(candidate(x, f * h)["h"])]

        return step

    # Weights -----------------------------------------------------------------------------------

    def _weight(self, *shape: int) -> Any:
        values = self.random.normal(0.0, 0.5, shape).astype(np.float32)
        return self._kept(values)

    def _joined(self, weights: Sequence[Any], axis: int) -> Any:
        return self._kept(np.concatenate([w.numpy() for w in weights], axis))

    def _kept(self, values: Any) -> Any:
        variable = self.tf.Variable(values)
        self.owner.weights = [*self.owner.weights, variable]
        return variable


def _flat(result: tuple[Any, list[Any]]) -> tuple[Any, ...]:
    return (result[0], *result[1])
