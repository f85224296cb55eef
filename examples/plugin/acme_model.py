"""A model that calls acme's cell: what the package's user trains and converts.

The cell computes in float64, for which LiteRT has no kernels, so that its body could not be
converted; its annotation says what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

FEATURES, UNITS, OUTPUTS, CLASSES = 8, 16, 6, 4
CELL_CLIP = 3.0
IMPLEMENTS = f'name: "acme.NormalizedLSTM" attr {{ key: "cell_clip" value {{ f: {CELL_CLIP} }} }}'


@tf.function(experimental_implements=IMPLEMENTS, autograph=False)
def normalized_lstm(  # noqa: PLR0917  # the operands of a composite have places, not names
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, scale: Any, projection: Any
) -> tuple[Any, Any, Any]:
    """x [B, T, F] to y [B, T, O], the last h [B, O] and the last c [B, U]."""
    x, kernel, recurrent_kernel, bias, scale, projection = (
        tf.cast(each, tf.float64) for each in (x, kernel, recurrent_kernel, bias, scale, projection)
    )

    def gates(z: Any) -> list[Any]:
        parts = tf.reshape(z, [-1, 4, UNITS])
        mean, variance = tf.nn.moments(parts, [-1], keepdims=True)
        normalized = (parts - mean) * tf.math.rsqrt(variance + 1e-8)
        shifted = normalized * tf.reshape(scale, [4, UNITS]) + tf.reshape(bias, [4, UNITS])
        return tf.unstack(shifted, axis=1)

    def step(state: tuple[Any, Any], x_t: Any) -> tuple[Any, Any]:
        h, c = state
        i, f, g, o = gates(x_t @ kernel + h @ recurrent_kernel)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        c = tf.clip_by_value(c, -CELL_CLIP, CELL_CLIP)
        return (tf.sigmoid(o) * tf.tanh(c)) @ projection, c

    start = tuple(tf.zeros([tf.shape(x)[0], width], tf.float64) for width in (OUTPUTS, UNITS))
    h, c = tf.scan(step, tf.transpose(x, [1, 0, 2]), start)
    y = tf.transpose(h, [1, 0, 2])
    return tuple(tf.cast(each, tf.float32) for each in (y, h[-1], c[-1]))


class Classifier(tf.Module):
    """A sequence [B, T, F] to class probabilities [B, CLASSES]."""

    def __init__(self) -> None:
        super().__init__(name="classifier")
        random = np.random.default_rng(0)

        def weights(*shape: int) -> tf.Variable:
            return tf.Variable(random.normal(0.0, 0.5, shape).astype(np.float32))

        gates = 4 * UNITS
        shapes = ((FEATURES, gates), (OUTPUTS, gates), (gates,), (gates,), (UNITS, OUTPUTS))
        self.cell = [weights(*shape) for shape in shapes]
        self.classes = weights(OUTPUTS, CLASSES)

    @tf.function(autograph=False)
    def __call__(self, x: Any) -> dict[str, Any]:
        """x [B, T, F] to {"probabilities": [B, CLASSES]}."""
        with tf.name_scope("memory"):
            _, h, _ = normalized_lstm(x, *self.cell)
        return {"probabilities": tf.nn.softmax(h @ self.classes)}


MODEL = Classifier()


def build() -> Any:
    """The model as a concrete function, its batch and its length open."""
    return MODEL.__call__.get_concrete_function(
        tf.TensorSpec([None, None, FEATURES], tf.float32, name="x")
    )
