"""Converts models with TensorLists, in a process of its own: `python keras_loops.py DIR`.

Leaves DIR/NAME.tflite and DIR/NAME.npz with inputs and TensorFlow's own outputs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

FEATURES = 3


def recurrent_layers() -> Callable[..., Any]:
    """LSTM, GRU and a mask, whole sequences and last outputs, forward and backward."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES), name="x"),
            layers.Masking(),
            layers.LSTM(4, return_sequences=True),
            layers.Bidirectional(layers.GRU(5)),
        ]
    )
    return lambda x: model(x, training=False)


def hand_written(x: Any) -> list[Any]:
    """Lists of two ranks from one Reserve; a list read back, one that grows, nested, branched."""
    steps, time = tf.shape(x)[1], tf.transpose(x, [1, 0, 2])

    def array(size: Any, **how: Any) -> Any:
        return tf.TensorArray(tf.float32, size, **how)

    def loop(body: Callable[..., Any], *start: Any) -> Any:
        return tf.while_loop(lambda t, *_: t < steps, lambda t, *v: (t + 1, *body(t, *v)), start)[
            1:
        ]

    def two(t: Any, a: Any, b: Any) -> Any:
        return a.write(t, 2 * time[t]), b.write(t, tf.reduce_sum(time[t], 1))

    def inner(t: Any, outer: Any) -> Any:
        squares = array(2)
        _, squares = tf.while_loop(
            lambda k, _: k < 2, lambda k, s: (k + 1, s.write(k, time[t] ** 2)), (0, squares)
        )
        return (outer.write(t, tf.reduce_sum(squares.stack(), 0)),)

    def branch(t: Any, a: Any) -> Any:
        return (tf.cond(t % 2 > 0, lambda: a.write(t, time[t]), lambda: a.write(t, -time[t])),)

    first, second = loop(two, 0, array(steps), array(steps))
    read = array(steps, clear_after_read=False).write(0, time[0])
    (read,) = loop(lambda t, a: (a.write(t, a.read(t - 1) + time[t]),), 1, read)
    (grown,) = loop(lambda t, a: (a.write(t, time[t] * 3),), 0, array(0, dynamic_size=True))
    (nested,) = loop(inner, 0, array(steps))
    (branched,) = loop(branch, 0, array(steps))
    lists = (first, second, read, grown, nested, branched)
    return [tf.identity(a.stack()) for a in lists]


def convert(name: str, function: Callable[..., Any], folder: Path) -> None:
    """Converts as sources/ does: open batch and length, lists kept as Flex ops."""
    spec = tf.TensorSpec([None, None, FEATURES], tf.float32, name="x")
    concrete = tf.function(function).get_concrete_function(spec)
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        concrete, lower_control_flow=False
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter._experimental_lower_tensor_list_ops = False
    (folder / f"{name}.tflite").write_bytes(converter.convert())
    arrays: dict[str, Any] = {}
    rng = np.random.default_rng(0)
    for batch, length in ((1, 1), (3, 1), (1, 7), (3, 7)):
        x = rng.normal(size=(batch, length, FEATURES)).astype(np.float32)
        x[:, length // 2 + 1 :] = 0  # masked, where there is a mask
        key = f"{batch}x{length}"
        arrays[f"{key}:x"] = x
        for i, y in enumerate(tf.nest.flatten(concrete(tf.constant(x)))):
            arrays[f"{key}:{i}"] = y.numpy()
    np.savez(folder / f"{name}.npz", **arrays)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    convert("keras", recurrent_layers(), target)
    convert("hand", hand_written, target)
