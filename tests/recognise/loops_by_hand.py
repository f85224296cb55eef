"""Loops as people write them with tf.while_loop, tf.scan and Python: one model each.

Each function gets TensorFlow and a `Weights`, and gives a function with its input specs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

FEATURES, UNITS, CLASSES = 3, 4, 6

#: (x, *states) to the new states, the output's first.
Step: TypeAlias = Callable[..., Sequence[Any]]

#: A function, and the shape and dtype of each input.
Written: TypeAlias = tuple[Callable[..., Any], dict[str, tuple[list[int | None], str]]]


class Weights:
    """Variables with random numbers, kept alive by `owner`."""

    def __init__(self, tf: Any) -> None:
        self.tf, self.owner = tf, tf.Module()
        self.owner.weights = []
        self._random = np.random.default_rng(0)

    def __call__(self, *shape: int) -> Any:
        """A new variable."""
        made = self.tf.Variable(self._random.normal(0.0, 0.5, shape).astype(np.float32))
        self.owner.weights = [*self.owner.weights, made]
        return made


def lstm(tf: Any, weight: Weights, features: int = FEATURES, units: int = UNITS) -> Step:
    """(x, h, c) to (h', c')."""
    kernel, bias = weight(features + units, 4 * units), weight(4 * units)

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        i, f, g, o = tf.split(tf.concat([x, h], 1) @ kernel + bias, 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    return step


def gru_by_sigmoids(tf: Any, weight: Weights) -> Written:
    """A GRU whose reset gate is 1 - sigmoid, and whose candidate is 2 sigmoid(2z) - 1."""
    gates, candidate = weight(FEATURES + UNITS, 2 * UNITS), weight(FEATURES + UNITS, UNITS)

    def step(x: Any, h: Any) -> list[Any]:
        z, r = tf.split(tf.sigmoid(tf.concat([x, h], 1) @ gates), 2, 1)
        n = 2.0 * tf.sigmoid(2.0 * (tf.concat([x, (1.0 - r) * h], 1) @ candidate)) - 1.0
        return [(1.0 - z) * h + z * n]

    return _over_all_steps(tf, step, 1)


def gru_with_negated_candidate(tf: Any, weight: Weights) -> Written:
    """h' = (1 - z)*h - z*tanh(...)."""
    gates, candidate = weight(FEATURES + UNITS, 2 * UNITS), weight(FEATURES + UNITS, UNITS)

    def step(x: Any, h: Any) -> list[Any]:
        z, r = tf.split(tf.sigmoid(tf.concat([x, h], 1) @ gates), 2, 1)
        return [(1.0 - z) * h - z * tf.tanh(tf.concat([x, r * h], 1) @ candidate)]

    return _over_all_steps(tf, step, 1)


def rnn_with_minus(tf: Any, weight: Weights) -> Written:
    """h' = -tanh(...)."""
    kernel = weight(FEATURES + UNITS, UNITS)
    return _over_all_steps(tf, lambda x, h: [-tf.tanh(tf.concat([x, h], 1) @ kernel)], 1)


def backward_scan(tf: Any, weight: Weights) -> Written:
    """tf.scan(reverse=True), of whose cell states the last computed one is used."""
    step = lstm(tf, weight)

    def function(x: Any) -> Any:
        start = (_zeros(tf, x), _zeros(tf, x))
        h, c = tf.scan(lambda a, e: step(e, *a), tf.transpose(x, [1, 0, 2]), start, reverse=True)
        return {"y": tf.transpose(h, [1, 0, 2]), "c": c[0]}

    return function, X


def scan_without_initializer(tf: Any, weight: Weights) -> Written:
    """T - 1 steps behind an item that is the first state, from the last item to the first."""
    kernel = weight(FEATURES, FEATURES)

    def function(x: Any) -> Any:
        steps = tf.transpose(x, [1, 0, 2])
        y = tf.scan(lambda a, e: tf.tanh(e + a @ kernel), steps, reverse=True)
        return {"y": tf.transpose(y, [1, 0, 2])}

    return function, X


def first_step_apart(tf: Any, weight: Weights) -> Written:
    """The first step stands before the loop, and its output in the list."""
    step = lstm(tf, weight)

    def function(x: Any) -> Any:
        steps = tf.transpose(x, [1, 0, 2])
        h, c = step(steps[0], _zeros(tf, x), _zeros(tf, x))
        count = tf.shape(steps)[0]
        made = tf.TensorArray(tf.float32, count).write(0, h)

        def body(t: Any, made: Any, h: Any, c: Any) -> Any:
            h, c = step(steps[t], h, c)
            return t + 1, made.write(t, h), h, c

        _, made, h, c = tf.while_loop(lambda t, *_: t < count, body, (1, made, h, c))
        return {"y": tf.transpose(made.stack(), [1, 0, 2]), "c": c}

    return function, X


def every_other_frame(tf: Any, weight: Weights) -> Written:
    """x[2t], T // 2 times."""
    return _reading(tf, lstm(tf, weight), lambda x, t: x[:, 2 * t], lambda n: n // 2)


def frames_in_pairs(tf: Any, weight: Weights) -> Written:
    """x[2t : 2t + 2] as one row."""
    step = lstm(tf, weight, 2 * FEATURES)

    def pair(x: Any, t: Any) -> Any:
        return tf.reshape(x[:, 2 * t : 2 * t + 2], [-1, 2 * FEATURES])

    return _reading(tf, step, pair, lambda n: n // 2)


def counts_by_two(tf: Any, weight: Weights) -> Written:
    """A counter that goes up by two, beside one that goes up by one."""
    step = lstm(tf, weight)

    def function(x: Any) -> Any:
        made = tf.TensorArray(tf.float32, 4)

        def body(t: Any, k: Any, made: Any, h: Any, c: Any) -> Any:
            h, c = step(x[:, t], h, c)
            return t + 2, k + 1, made.write(k, h), h, c

        start = (0, 0, made, _zeros(tf, x), _zeros(tf, x))
        made = tf.while_loop(lambda t, *_: t < 7, body, start)[2]
        return {"y": tf.transpose(made.stack(), [1, 0, 2])}

    return function, {"x": ([None, 8, FEATURES], "float32")}


def step_before_beside(tf: Any, weight: Weights) -> Written:
    """x[max(t - 1, 0)] beside x[t]."""
    step = lstm(tf, weight, 2 * FEATURES)

    def both(x: Any, t: Any) -> Any:
        return tf.concat([x[:, t], x[:, tf.maximum(t - 1, 0)]], 1)

    return _reading(tf, step, both)


def step_after_beside(tf: Any, weight: Weights) -> Written:
    """x[min(t + 1, T - 1)] beside x[t]."""
    step = lstm(tf, weight, 2 * FEATURES)

    def both(x: Any, t: Any) -> Any:
        return tf.concat([x[:, t], x[:, tf.minimum(t + 1, tf.shape(x)[1] - 1)]], 1)

    return _reading(tf, step, both)


def layer_a_step_behind(tf: Any, weight: Weights) -> Written:
    """The second layer reads the first one's state of the step before."""
    first, second = lstm(tf, weight), lstm(tf, weight, UNITS)

    def step(x: Any, h2: Any, c2: Any, h1: Any, c1: Any) -> list[Any]:
        return [*second(h1, h2, c2), *first(x, h1, c1)]

    return _over_all_steps(tf, step, 4)


def unread_sums(tf: Any, weight: Weights) -> Written:
    """The sum of all outputs so far is put out at each step, and only the last state is read."""
    cell = lstm(tf, weight)

    def function(x: Any) -> Any:
        steps = tf.shape(x)[1]

        def body(t: Any, sums: Any, total: Any, h: Any, c: Any) -> Any:
            h, c = cell(x[:, t], h, c)
            return t + 1, sums.write(t, total + h), total + h, h, c

        start = (0, tf.TensorArray(tf.float32, steps), *(_zeros(tf, x) for _ in range(3)))
        return {"y": tf.while_loop(lambda t, *_: t < steps, body, start)[3]}

    return function, X


def one_hot_tokens(tf: Any, weight: Weights) -> Written:
    """A token becomes a row inside the step."""
    step = lstm(tf, weight, CLASSES)
    function, _ = _reading(tf, step, lambda x, t: tf.one_hot(x[:, t], CLASSES))
    return function, {"x": ([None, None], "int32")}


def no_padding(tf: Any, weight: Weights) -> Written:
    """Steps written out, each kept or not by a padding of zeros, as lingvo's layers have one."""
    step = lstm(tf, weight)

    def function(x: Any) -> Any:
        h, c, y = _zeros(tf, x), _zeros(tf, x), []
        padding = tf.zeros([tf.shape(x)[0], 1])
        for t in range(5):
            new_h, new_c = step(x[:, t], h, c)
            kept = tf.broadcast_to(padding > 0.5, tf.shape(new_h))
            h, c = tf.where(kept, h, new_h), tf.where(kept, c, new_c)
            y.append(h)
        return {"y": tf.stack(y, 1)}

    return function, {"x": ([None, 5, FEATURES], "float32")}


def step_with_packed_states(tf: Any, weight: Weights) -> Written:
    """One step of two layers, all states in one tensor [1, layer, unit, h or c], as DTLN's."""
    first, second = lstm(tf, weight), lstm(tf, weight, UNITS)

    def function(x: Any, states: Any) -> Any:
        h1, c1 = first(x[:, 0], states[:, 0, :, 0], states[:, 0, :, 1])
        h2, c2 = second(h1, states[:, 1, :, 0], states[:, 1, :, 1])
        new = tf.stack([tf.stack([h1, h2], 1), tf.stack([c1, c2], 1)], -1)
        return {"y": tf.sigmoid(h2)[:, None], "states_out": new}

    return function, {
        "x": ([1, 1, FEATURES], "float32"),
        "states": ([1, 2, UNITS, 2], "float32"),
    }


def step_with_joined_states(tf: Any, weight: Weights) -> Written:
    """One step of two layers, all states side by side, as TensorFlow 1 packs them."""
    first, second = lstm(tf, weight), lstm(tf, weight, UNITS)

    def function(x: Any, states: Any) -> Any:
        c1, h1, c2, h2 = tf.split(states, 4, 1)
        h1, c1 = first(x, h1, c1)
        h2, c2 = second(h1, h2, c2)
        return {"y": tf.nn.softmax(h2), "states_out": tf.concat([c1, h1, c2, h2], 1)}

    return function, {"x": ([None, FEATURES], "float32"), "states": ([None, 4 * UNITS], "float32")}


X: dict[str, tuple[list[int | None], str]] = {"x": ([None, None, FEATURES], "float32")}


def _zeros(tf: Any, x: Any) -> Any:
    return tf.zeros([tf.shape(x)[0], UNITS])


def _over_all_steps(tf: Any, step: Step, states: int) -> Written:
    return _reading(tf, step, lambda x, t: x[:, t], states=states)


def _reading(
    tf: Any,
    step: Step,
    read: Callable[[Any, Any], Any],
    count: Callable[[Any], Any] = lambda n: n,
    states: int = 2,
) -> Written:
    """A loop of `count` steps that puts out the first state of each."""

    def function(x: Any) -> Any:
        total = count(tf.shape(x)[1])
        made = tf.TensorArray(tf.float32, total)

        def body(t: Any, made: Any, *now: Any) -> Any:
            new = step(read(x, t), *now)
            return t + 1, made.write(t, new[0]), *new

        start = (0, made, *(_zeros(tf, x) for _ in range(states)))
        made = tf.while_loop(lambda t, *_: t < total, body, start)[1]
        return {"y": tf.transpose(made.stack(), [1, 0, 2])}

    return function, X
