"""Unrolls recurrences with TensorFlow, in a process of its own: `python ... DIR`.

Leaves DIR/NAME.tflite, and DIR/NAME.npz with the input and TensorFlow's own outputs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_USE_LEGACY_KERAS": "1",
}

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

STEPS, FEATURES = 5, 3
V1 = tf.compat.v1
CELLS = V1.nn.rnn_cell
LAYERS = keras.layers
X = np.random.default_rng(0).normal(size=(2, STEPS, FEATURES)).astype(np.float32)


def keras_models() -> dict[str, Callable[[Any], Any]]:
    """Layers with `unroll=True`, by name."""
    lstm, rnn = LAYERS.LSTM, LAYERS.SimpleRNN
    return {
        "keras_lstm": lstm(4, return_sequences=True, unroll=True),
        "keras_last_backwards": lstm(4, go_backwards=True, unroll=True),
        "keras_rnn": rnn(4, return_sequences=True, unroll=True, activation="relu"),
        "keras_both_ways": LAYERS.Bidirectional(lstm(4, return_sequences=True, unroll=True)),
        "keras_stacked_cells": LAYERS.RNN([LAYERS.LSTMCell(4), LAYERS.LSTMCell(5)], unroll=True),
        "keras_gru": LAYERS.GRU(4, unroll=True),
    }


def static_models() -> dict[str, Callable[[list[Any]], Any]]:
    """`static_rnn` over each cell, by name."""

    def static(*cells: Any) -> Callable[[list[Any]], Any]:
        def outputs(steps: list[Any]) -> Any:
            cell = cells[0]() if len(cells) == 1 else CELLS.MultiRNNCell([c() for c in cells])
            return tf.stack(V1.nn.static_rnn(cell, steps, dtype=tf.float32)[0], 1)

        return outputs

    def both_ways(steps: list[Any]) -> Any:
        cells = [CELLS.BasicLSTMCell(4) for _ in range(2)]
        joined = V1.nn.static_bidirectional_rnn(*cells, steps, dtype=tf.float32)[0]
        return tf.stack([tf.tanh(step) * 0.5 for step in joined], 1)

    peeping: dict[str, Any] = {"use_peepholes": True, "num_proj": 2, "cell_clip": 1.0}
    return {
        "static_basic": static(lambda: CELLS.BasicLSTMCell(4)),
        "static_peepholes": static(lambda: CELLS.LSTMCell(4, proj_clip=0.5, **peeping)),
        "static_rnn": static(lambda: CELLS.BasicRNNCell(4)),
        "static_both_ways": both_ways,
        "static_multi": static(lambda: CELLS.BasicLSTMCell(4), lambda: CELLS.BasicLSTMCell(5)),
    }


def save(directory: Path, name: str, content: bytes, y: Any) -> None:
    """Writes one model and its numbers."""
    (directory / f"{name}.tflite").write_bytes(content)
    np.savez(directory / f"{name}.npz", x=X, y=np.asarray(y))


def save_keras(directory: Path, name: str, layer: Any) -> None:
    """One Keras layer, with an open batch."""
    model = keras.Sequential([keras.Input((STEPS, FEATURES), name="x"), layer])
    spec = tf.TensorSpec([None, STEPS, FEATURES], tf.float32, name="x")
    function = tf.function(lambda x: {"y": model(x, training=False)})
    concrete = function.get_concrete_function(spec)
    frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    save(directory, name, converter.convert(), model(X, training=False))


def save_static(
    directory: Path, name: str, outputs: Callable[[list[Any]], Any], batch: int | None
) -> None:
    """One TF1 graph with random weights; a batch that is known lets zeros be folded."""
    with V1.Graph().as_default(), V1.Session() as session:
        x = V1.placeholder(tf.float32, [batch, STEPS, FEATURES], name="x")
        y = tf.identity(outputs(tf.unstack(x, STEPS, 1)), name="y")
        session.run(V1.global_variables_initializer())
        random = np.random.default_rng(1)
        for variable in V1.global_variables():
            variable.load(random.normal(0, 0.5, variable.shape).astype(np.float32), session)
        converter = V1.lite.TFLiteConverter.from_session(session, [x], [y])
        save(directory, name, converter.convert(), session.run(y, {x: X}))


def main(directory: Path) -> None:
    """Writes all."""
    keras.utils.set_random_seed(0)
    for name, layer in keras_models().items():
        save_keras(directory, name, layer)
    for name, outputs in static_models().items():
        save_static(directory, name, outputs, None)
        save_static(directory, f"{name}_folded", outputs, len(X))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
