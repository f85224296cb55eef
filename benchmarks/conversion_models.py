"""The models that benchmarks/conversion.py converts.

    python benchmarks/conversion_models.py NAME FOLDER

writes one of them, with random weights, and its config `FOLDER/NAME.yaml`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _sequential(keras: Any, shape: tuple[int, ...], *layers: Any) -> Any:
    return keras.Sequential([keras.Input(shape, name="x"), *layers])


def wide_lstms(keras: Any) -> Any:
    """LSTM of 2,048 and of 1,024 units: 31 million weights."""
    lstm = keras.layers.LSTM
    return _sequential(
        keras,
        (None, 256),
        lstm(2048, return_sequences=True),
        lstm(1024),
        keras.layers.Dense(10),
    )


def hundred_million(keras: Any) -> Any:
    """A language model: 20,000 words, an LSTM of 4,096 units: 102 million weights."""
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="x")
    y = layers.LSTM(4096)(layers.Embedding(20_000, 512)(tokens))
    return keras.Model(tokens, layers.Dense(4000)(y))


def tagger(keras: Any) -> Any:
    """Choi and others, Convolutional recurrent neural networks for music classification (2017)."""
    layers = keras.layers

    def block(filters: int, pool: tuple[int, int]) -> list[Any]:
        return [
            layers.Conv2D(filters, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("elu"),
            layers.MaxPooling2D(pool),
        ]

    return _sequential(
        keras,
        (96, 1366, 1),
        layers.ZeroPadding2D((0, 37)),
        *block(64, (2, 2)),
        *block(128, (3, 3)),
        *block(128, (4, 4)),
        *block(128, (4, 4)),
        layers.Reshape((15, 128)),
        layers.GRU(32, return_sequences=True),
        layers.GRU(32),
        layers.Dense(50, activation="sigmoid"),
    )


def simple_htr(keras: Any) -> Any:
    """The network of githubharald/SimpleHTR: convolutions, two BiLSTMs of 256, a projection."""
    layers = keras.layers
    kernels, filters = (5, 5, 3, 3, 3), (32, 64, 128, 128, 256)
    pools = ((2, 2), (2, 2), (1, 2), (1, 2), (1, 2))
    convolutions = [
        layer
        for kernel, count, pool in zip(kernels, filters, pools, strict=True)
        for layer in (
            layers.Conv2D(count, kernel, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(pool),
        )
    ]
    return _sequential(
        keras,
        (128, 32, 1),
        *convolutions,
        layers.Reshape((32, 256)),
        layers.Bidirectional(layers.LSTM(256, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(256, return_sequences=True)),
        layers.Dense(80),
    )


def deep(keras: Any) -> Any:
    """24 stacked LSTM layers of 128 units."""
    lstm = keras.layers.LSTM
    stack = [lstm(128, return_sequences=True) for _ in range(24)]
    return _sequential(keras, (None, 64), *stack, keras.layers.Dense(10))


def unrolled(steps: int) -> Callable[[Any], Any]:
    """Two Keras LSTM layers of 64 units with `unroll=True`."""

    def build(keras: Any) -> Any:
        first, last = (
            keras.layers.LSTM(64, return_sequences=whole, unroll=True) for whole in (True, False)
        )
        return _sequential(keras, (steps, 16), first, last, keras.layers.Dense(10))

    return build


def static_rnn(steps: int, folder: Path) -> None:
    """A SavedModel of TensorFlow 1: `static_rnn` over two BasicLSTM cells of 64 units."""
    import tensorflow as tf  # noqa: TID251

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, steps, 16), "x")
        cells = v1.nn.rnn_cell
        cell = cells.MultiRNNCell([cells.BasicLSTMCell(64) for _ in range(2)])
        y, _ = v1.nn.static_rnn(cell, v1.unstack(x, steps, 1), dtype=tf.float32)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y[-1]})


#: By name, in the order of the table: Keras models, or the number of steps of a `static_rnn`.
MODELS: dict[str, Callable[[Any], Any] | int] = {
    "wide-lstms": wide_lstms,
    "hundred-million": hundred_million,
    "tagger": tagger,
    "simple-htr": simple_htr,
    "deep": deep,
    "unrolled-200": unrolled(200),
    "unrolled-1000": unrolled(1000),
    "static-rnn-200": 200,
    "static-rnn-1000": 1000,
}


def write(name: str, folder: Path) -> Path:
    """Writes a model and its config; returns the config's path."""
    made = MODELS[name]
    if isinstance(made, int):
        static_rnn(made, folder / name)
        source = f"{{format: saved_model, path: {name}}}"
    else:
        import keras  # noqa: TID251

        keras.utils.set_random_seed(0)
        made(keras).save(folder / f"{name}.keras")
        source = f"{{format: keras, path: {name}.keras}}"
    config = folder / f"{name}.yaml"
    config.write_text(f"name: {name}\nsource: {source}\n")
    return config


if __name__ == "__main__":
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", str(int("static" in sys.argv[1])))
    write(sys.argv[1], Path(sys.argv[2]))
