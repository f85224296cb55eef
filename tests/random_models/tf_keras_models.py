"""tf-keras (Keras 2) models at random: what Keras 3 has, and time-major layers besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.tf_keras import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

ACTIVATIONS = ("tanh", "tanh", "relu", "sigmoid", "elu", "linear")
GATES = ("sigmoid", "sigmoid", "sigmoid", "hard_sigmoid")


@dataclass
class TfKerasAuthor:
    """Writes one model.

    Attributes:
        choose: Draws one of the options.
        time_major: Whether its sequences are [T, B, F].
        story: What was written, a line a layer.
    """

    choose: Callable[[Sequence[Any]], Any]
    time_major: bool = False
    story: list[str] = field(default_factory=list)

    def source(self) -> SourceModel:
        """The model with random weights."""
        self.keras = load("tf_keras")
        self.keras.backend.clear_session()
        layers = self.keras.layers
        self.time_major = self.choose([False, False, False, True])
        self.steps = None if self.time_major else self.choose([None, None, 1, 4, 6])
        features = self.choose([1, 3, 4])
        x = self.keras.Input((self.steps, features), name="x")
        self.story.append(f"x {x.shape}, time-major {self.time_major}")
        entrance, outputs = x, []
        if not self.time_major and self.choose([False, False, False, True]):
            self.story.append("mask")
            x = layers.Masking(0.0)(layers.ReLU()(x))
        for last in self.choose([[True], [True], [False, True]]):
            y, *states = self._recurrent(x, last)
            outputs += states
            x = y
        if self.choose([False, True]):
            x = layers.Dense(3, activation="softmax")(x)
        model = self.keras.Model(entrance, [x, *outputs])
        random = np.random.default_rng(self.choose(range(1000)))
        model.set_weights([random.normal(0.0, 0.5, w.shape) for w in model.get_weights()])
        return source_model(model, {})

    def _recurrent(self, x: Any, last: bool) -> list[Any]:
        layers = self.keras.layers
        options: dict[str, Any] = {
            "return_sequences": self.time_major or not last or self.choose([True, False]),
            "return_state": self.choose([False, False, True]),
            "time_major": self.time_major,
        }
        both = not self.time_major and self.choose([False, False, True])
        options["go_backwards"] = not both and self.choose([False, False, True])
        if self.steps is not None:
            options["unroll"] = self.choose([False, False, True])
        kind = self.choose(["LSTM", "LSTM", "GRU", "SimpleRNN", "stacked", "cell"])
        if kind == "stacked":
            cells = [self._cell(self.choose(["GRU", "LSTM", "SimpleRNN"])) for _ in range(2)]
            layer = layers.RNN(layers.StackedRNNCells(cells), **options)
        elif kind == "cell":
            layer = layers.RNN(self._cell(self.choose(["GRU", "LSTM", "SimpleRNN"])), **options)
        else:
            layer = getattr(layers, kind)(**self._options(kind), **options)
        if both:
            layer = layers.Bidirectional(layer)
        self.story.append(f"{kind} both={both} {options}")
        results = layer(x)
        return list(self._flat(results))

    def _cell(self, kind: str) -> Any:
        return getattr(self.keras.layers, f"{kind}Cell")(**self._options(kind))

    def _options(self, kind: str) -> dict[str, Any]:
        options: dict[str, Any] = {
            "units": self.choose([1, 2, 5]),
            "activation": self.choose(ACTIVATIONS),
            "use_bias": self.choose([True, True, False]),
            "dropout": self.choose([0.0, 0.0, 0.3]),
            "recurrent_dropout": self.choose([0.0, 0.0, 0.3]),
        }
        if kind != "SimpleRNN":
            options["recurrent_activation"] = self.choose(GATES)
        if kind == "GRU":
            options["reset_after"] = self.choose([True, False])
        if kind == "LSTM":
            options["unit_forget_bias"] = self.choose([True, False])
        self.story.append(f"  {kind} {options}")
        return options

    def _flat(self, results: Any) -> list[Any]:
        return list(load("tensorflow").nest.flatten(results))
