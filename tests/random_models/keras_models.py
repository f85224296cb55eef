"""Keras 3 models at random: recurrent layers in any mix, with other layers around them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

#: Activations that both fused ops have.
FUSED = ("tanh", "relu", "relu6")


@dataclass
class Author:
    """Writes one model; every choice is drawn, so that a failure shrinks to a small model.

    Attributes:
        draw: Hypothesis' draw.
        inputs: The model's inputs so far.
        outputs: The model's outputs so far.
        fused: How many of each fused op the converted model must have.
        story: What was written, a line a layer, for the failure's message.
    """

    draw: Any
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    fused: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    def model(self) -> Any:
        """A model with recurrent layers."""
        import keras

        batch = self.choose([None, None, None, 2])
        length = self.choose([None, None, 1, 2, 5, 8])
        features = self.choose([1, 3, 4])
        self.batch = batch
        self.story.append(f"input [{batch}, {length}, {features}]")
        x = self.input((length, features), batch)
        x = self.around(x)
        count = self.choose([1, 1, 2, 3])
        for number in range(count):
            x = self.recurrent(x, last=number == count - 1)
            if len(x.shape) == 3:
                x = self.around(x)
        x = self.head(x)
        self.outputs.insert(0, x)
        model = keras.Model(self.inputs, self.outputs)
        randomize(model, seed=self.choose(range(1000)))
        return model

    def choose(self, options: Any) -> Any:
        """One of the options."""
        return self.draw(st.sampled_from(list(options)))

    def input(self, shape: tuple[int | None, ...], batch: int | None) -> Any:
        """A new input of the model."""
        import keras

        x = keras.Input(shape, batch_size=batch, name=f"input_{len(self.inputs)}")
        self.inputs.append(x)
        return x

    def around(self, x: Any) -> Any:
        """A layer of another kind, or none."""
        import keras

        kind = self.choose(["none", "none", "none", "dense", "conv", "norm", "time", "dropout"])
        self.story.append(f"around {kind}")
        layers = keras.layers
        if kind == "dense":
            return layers.Dense(3, activation=self.choose([None, "relu", "tanh"]))(x)
        if kind == "conv":
            return layers.Conv1D(3, 2, padding=self.choose(["same", "causal"]))(x)
        if kind == "norm":
            return layers.LayerNormalization()(x)
        if kind == "time":
            return layers.TimeDistributed(layers.Dense(2))(x)
        return layers.Dropout(0.5)(x) if kind == "dropout" else x

    def recurrent(self, x: Any, last: bool) -> Any:
        """An LSTM or SimpleRNN, or one of them in both directions."""
        kind = self.choose(["LSTM", "LSTM", "SimpleRNN"])
        options = {
            "units": self.choose([1, 2, 5]),
            "activation": self.choose(["tanh", "tanh", *FUSED]),
            "use_bias": self.choose([True, True, False]),
            "return_sequences": not last or self.choose([True, False]),
            "return_state": self.choose([False, False, True]),
        }
        both = self.choose([False, True])
        options["go_backwards"] = not both and self.choose([False, False, True])
        merge = self.choose(["concat", "sum", "mul", "ave", None]) if both else ""
        given = self.choose(["none", "none", "input", "dense", "constant"])
        self.story.append(f"{kind} {options} both={both} merge={merge} initial={given}")
        name = "LSTM" if kind == "LSTM" else "RNN"
        self.fused[f"{'BI' if both else 'UNI'}DIRECTIONAL_SEQUENCE_{name}"] += 1
        states = 2 if kind == "LSTM" else 1
        layer = self.layer(kind, options, both, merge)
        initial = self.initial(given, states * (2 if both else 1), options["units"], x)
        results = layer(x, initial_state=initial) if initial else layer(x)
        results = list(results) if isinstance(results, list | tuple) else [results]
        outs = 2 if both and merge is None else 1
        y, rest = results[:outs], results[outs:]
        self.outputs.extend(rest)
        self.outputs.extend(y[1:])
        return y[0]

    def layer(self, kind: str, options: dict[str, Any], both: bool, merge: str | None) -> Any:
        """The Keras layer."""
        import keras

        layer = getattr(keras.layers, kind)(**options)
        return keras.layers.Bidirectional(layer, merge_mode=merge) if both else layer

    def initial(self, given: str, count: int, units: int, x: Any) -> list[Any]:
        """The initial states: fed, computed, constant, or none."""
        import keras

        if given == "input":
            return [self.input((units,), self.batch) for _ in range(count)]
        if given == "dense":
            pooled = keras.layers.GlobalAveragePooling1D()(x)
            return [keras.layers.Dense(units)(pooled) for _ in range(count)]
        if given == "constant":
            ones = keras.ops.ones_like(x[:, 0, :1])
            values = np.linspace(-0.9, 0.8, count * units, dtype=np.float32).reshape(count, units)
            return [keras.ops.matmul(ones, v[None]) for v in values]
        return []

    def head(self, x: Any) -> Any:
        """What follows the recurrent layers."""
        import keras

        kind = self.choose(["none", "dense", "pool"])
        self.story.append(f"head {kind}")
        if kind == "pool" and len(x.shape) == 3:
            x = keras.layers.GlobalMaxPooling1D()(x)
        return keras.layers.Dense(3, activation="softmax")(x) if kind == "dense" else x


def randomize(model: Any, seed: int) -> None:
    """Gives every weight, biases too, values of the size trained ones have."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype != "float32":
            continue
        fan = max(1, weight.shape[0] if len(weight.shape) > 1 else 4)
        weight.assign(random.normal(0.0, 1.0 / np.sqrt(fan), weight.shape).astype(np.float32))


@st.composite
def keras_models(draw: Any) -> tuple[Any, Author]:
    """A model and its author, who knows what it must become."""
    author = Author(draw)
    return author.model(), author
