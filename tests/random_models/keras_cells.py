"""Keras 3 models at random with every recurrent layer there is, fused or not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.random_models.keras_models import Author

ACTIVATIONS = ("tanh", "tanh", "relu", "sigmoid", "hard_sigmoid", "elu", "softsign", "linear")
GATES = ("sigmoid", "sigmoid", "hard_sigmoid", "tanh")


class AnyCellAuthor(Author):
    """Writes layers whose equations no fused op has, too; what becomes of each is not counted."""

    def around(self, x: Any) -> Any:
        """A mask, or what stands around any recurrence."""
        import keras

        if self.choose([False, False, True]) and x.shape[-1] is not None:
            self.story.append("around mask")
            return keras.layers.Masking(0.0)(keras.layers.ReLU()(x))
        return super().around(x)

    def recurrent(self, x: Any, last: bool) -> Any:
        """Any recurrent layer."""
        import keras

        kind = self.choose(["GRU", "GRU", "LSTM", "SimpleRNN", "stacked", "cell"])
        options: dict[str, Any] = {
            "return_sequences": not last or self.choose([True, False]),
            "return_state": self.choose([False, False, True]),
        }
        both = self.choose([False, False, True])
        if not both:
            options["go_backwards"] = self.choose([False, False, True])
        if x.shape[1] is not None:
            options["unroll"] = self.choose([False, False, False, True])
        layer = self.any_layer(kind, options)
        self.story.append(f"{kind} {layer.get_config()} both={both}")
        if both:
            layer = keras.layers.Bidirectional(layer)
        results = layer(x)
        results = list(results) if isinstance(results, list | tuple) else [results]
        self.outputs.extend(t for r in results[1:] for t in _flat(r))
        return results[0]

    def any_layer(self, kind: str, options: dict[str, Any]) -> Any:
        """One layer, or one around cells."""
        import keras

        if kind == "stacked":
            cells = [self.cell(self.choose(["GRU", "LSTM", "SimpleRNN"])) for _ in range(2)]
            return keras.layers.RNN(cells, **options)
        if kind == "cell":
            return keras.layers.RNN(self.cell(self.choose(["GRU", "LSTM"])), **options)
        return getattr(keras.layers, kind)(**self.cell_options(kind), **options)

    def cell(self, kind: str) -> Any:
        """One cell."""
        import keras

        return getattr(keras.layers, f"{kind}Cell")(**self.cell_options(kind))

    def cell_options(self, kind: str) -> dict[str, Any]:
        """Units, activations and what else the kind takes."""
        options: dict[str, Any] = {
            "units": self.choose([1, 2, 5]),
            "activation": self.choose(ACTIVATIONS),
            "use_bias": self.choose([True, True, False]),
            "recurrent_dropout": self.choose([0.0, 0.0, 0.3]),
        }
        if kind != "SimpleRNN":
            options["recurrent_activation"] = self.choose(GATES)
        if kind == "GRU":
            options["reset_after"] = self.choose([True, False])
        return options


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


@st.composite
def models_of_any_cell(draw: Any) -> tuple[Any, AnyCellAuthor]:
    """A model and its author."""
    author = AnyCellAuthor(draw)
    return author.model(), author
