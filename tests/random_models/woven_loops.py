"""TensorFlow functions at random with several loops that are written by hand, and feed each other.

Besides what `loop_models.py` draws of cells, an author of loops is free in how they run: backwards,
two steps a turn, over a part of the steps, until a condition holds, with values of their own beside
the states. Each sequence of the pool is [T, B, F].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.loop_models import CELLS, LoopAuthor
from tests.random_models.loop_ways import WAYS, last_output, up_to_lengths

OPERATORS = (
    "dense",
    "concatenation",
    "split",
    "pad",
    "stride",
    "reverse",
    "conv",
    "reshape",
    "norm",
    "cumsum",
    "difference",
)


@dataclass
class WovenLoopAuthor(LoopAuthor):
    """Writes one function.

    Attributes:
        fewest: The fewest steps that x may have.
    """

    fewest: int = 1
    _lengths: Any = None

    @property
    def variables(self) -> list[Any]:
        """The function's weights."""
        return list(self.owner.weights)

    def source(self) -> SourceModel:
        """The function, traced; its weights are variables of a module."""
        self.tf = tf = load("tensorflow")
        self.random = np.random.default_rng(self.choose(range(1000)))
        self.owner = tf.Module()
        self.owner.weights = []
        self.batch = self.choose([None, None, 2])
        self.steps = self.choose([None, None, None, 16])
        self.features = self.choose([2, 4])
        self.has_lengths, self.has_state = False, self.choose([False, True])
        self.story.append(f"x {[self.batch, self.steps, self.features]}")
        self.acts: list[Callable[[list[Any], list[Any]], None]] = []
        widths, states = [self.features], [4] if self.has_state else []
        for act in [self.choose(["operator", "loop", "loop"]) for _ in range(3)] + ["loop"]:
            (self._draw_operator if act == "operator" else self._draw_loop)(widths, states)
        shown = [k for k in range(len(states)) if self.choose([False, True])]

        def function(x: Any, lengths: Any, state: Any) -> dict[str, Any]:
            self._lengths = lengths
            sequences, ends = [tf.transpose(x, [1, 0, 2])], [state] if self.has_state else []
            for act in self.acts:
                act(sequences, ends)
            y = tf.transpose(sequences[-1], [1, 0, 2])
            return {"y": y, **{f"state_{k}": tf.identity(ends[k]) for k in shown}}

        specs = [
            tf.TensorSpec([self.batch, self.steps, self.features], tf.float32, name="x"),
            tf.TensorSpec([self.batch], tf.int32, name="lengths"),
            tf.TensorSpec([self.batch, 4], tf.float32, name="state"),
        ]
        wanted = [True, self.has_lengths, self.has_state]
        taken = [s for s, wants in zip(specs, wanted, strict=True) if wants]
        names = [s.name for s in taken]

        def named(*arrays: Any) -> dict[str, Any]:
            given = dict(zip(names, arrays, strict=True))
            return function(*(given.get(s.name) for s in specs))

        self.owner.function = tf.function(named, input_signature=taken)
        return source_model(self.owner.function, "random", {})

    # Operators ---------------------------------------------------------------------------------

    def _draw_operator(self, widths: list[int], states: list[int]) -> None:
        del states
        tf, taken = self.tf, self.choose(range(len(widths)))
        kind, width = self.choose(OPERATORS), widths[taken]
        self.story.append(f"{kind} of {taken}")
        weight, kernel = self._weight(width, 6), self._weight(3, width, 5)
        made: dict[str, tuple[Callable[[Any], Any], int]] = {
            "dense": (lambda x: tf.tanh(tf.tensordot(x, weight, 1)), 6),
            "concatenation": (lambda x: tf.concat([x, tf.sin(x)], 2), 2 * width),
            "split": (lambda x: tf.concat(tf.split(x, [1, width - 1], 2)[::-1], 2), width),
            "pad": (lambda x: tf.pad(x, [[2, 1], [0, 0], [0, 0]]), width),
            "stride": (lambda x: x[::2], width),
            "reverse": (lambda x: tf.reverse(x, [0]), width),
            "conv": (lambda x: _conv(tf, x, kernel), 5),
            "reshape": (lambda x: _folded(tf, x, width), width),
            "norm": (lambda x: x - tf.reduce_mean(x, 2, keepdims=True), width),
            "cumsum": (lambda x: 0.3 * tf.cumsum(x, 0), width),
            "difference": (lambda x: x[1:] - x[:-1], width),
        }
        operate, new = made[kind]
        if kind == "difference":
            self.fewest = 2 * self.fewest + 1  # enough, however often a stride halves what is left
        widths.append(new)
        self.acts.append(lambda sequences, _: sequences.append(operate(sequences[taken])))

    # Loops -------------------------------------------------------------------------------------

    def _draw_loop(self, widths: list[int], states: list[int]) -> None:
        taken = self.choose([*range(len(widths)), len(widths) - 1])
        way = self.choose([*WAYS, "forwards", "last output", "lengths"])
        if way == "lengths" and taken:
            way = "forwards"
        self.has_lengths = self.has_lengths or way == "lengths"
        features = widths[taken] + (3 if way == "last output" else 0)
        self.story.append(f"loop over {taken}, {way}")
        step, own = self._cell(self.choose(CELLS), features)
        given = [self.choose([None, *range(len(states))]) for _ in own]
        bridges = [
            None if k is None else self._weight(states[k], w)
            for k, w in zip(given, own, strict=True)
        ]
        head = self._weight(own[0], 3)
        self.story.append(f"starts from {given}")

        def act(sequences: list[Any], ends: list[Any]) -> None:
            tf, x = self.tf, sequences[taken]
            first = [
                tf.zeros([tf.shape(x)[1], w]) if b is None else tf.tanh(tf.matmul(ends[k], b))
                for k, b, w in zip(given, bridges, own, strict=True)
            ]
            if way == "last output":
                y, last = last_output(tf, step, x, first, head)
            elif way == "lengths":
                y, last = up_to_lengths(tf, step, x, first, self._lengths)
            else:
                y, last = WAYS[way](tf, step, x, first)
            sequences.append(y)
            ends += last

        self.acts.append(act)
        widths.append(2 * own[0] if way == "two arrays" else own[0])
        states += own


def _conv(tf: Any, x: Any, kernel: Any) -> Any:
    swapped = tf.nn.conv1d(tf.transpose(x, [1, 0, 2]), kernel, 1, "SAME")
    return tf.transpose(tf.nn.relu(swapped), [1, 0, 2])


def _folded(tf: Any, x: Any, width: int) -> Any:
    """Batch and steps as one axis, something there, and back."""
    flat = tf.tanh(tf.reshape(x, [-1, width]))
    return tf.reshape(flat, [tf.shape(x)[0], tf.shape(x)[1], width])
