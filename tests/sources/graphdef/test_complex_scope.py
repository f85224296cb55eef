"""Random graphs of complex ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold

FRAME = 24


def _source(call: Callable[..., Any], *shape: int | None) -> SourceModel:
    tf: Any = load("tensorflow")
    specs = [tf.TensorSpec(shape, tf.float32, name="x")]
    return source_model(tf.function(call, input_signature=specs), "f", {})


def _steps(tf: Any, random: np.random.Generator) -> list[Callable[[Any, Any], Any]]:
    """What a random graph is made of: from two tensors [B, T, FRAME] to one.

    All are continuous where |z| <= 1. A part that is 0 but for roundings, as of a transform, would
    be on either side of the cut of a root or an angle, and of a comparison with 0. Of one step,
    what is less its mean is nothing but roundings: half of the mean is taken.
    """
    weights = random.normal(size=(FRAME, FRAME)) + 1j * random.normal(size=(FRAME, FRAME))
    matrix = tf.constant(weights / FRAME, tf.complex64)
    turn = tf.constant(np.exp(1j * random.normal(size=FRAME)), tf.complex64)

    def chosen(z: Any, w: Any) -> Any:
        return tf.where(tf.range(FRAME) % 3 > 0, z, w)

    def in_a_loop(z: Any, w: Any) -> Any:
        def body(k: Any, v: Any) -> Any:
            return k + 1, v * turn + w

        shapes = (tf.TensorShape([]), tf.TensorShape([None, None, FRAME]))
        return tf.while_loop(lambda k, _: k < 3, body, (0, z), shape_invariants=shapes)[1]

    def in_a_branch(z: Any, w: Any) -> Any:
        is_long = tf.shape(z)[1] > 8
        return tf.cond(is_long, lambda: tf.math.conj(z), lambda: 2.0 * w)

    return [
        lambda z, w: z + w,
        lambda z, w: z - 1j * w,
        lambda z, w: z * w / 3.0,
        lambda z, w: z / (w * tf.math.conj(w) + 2.0),
        lambda z, _: tf.exp(0.1 * z),
        lambda z, _: tf.math.sqrt(z + 2.0),
        lambda z, _: tf.math.log(z + 4.0),
        lambda z, _: (0.3 * z) ** 3,
        lambda z, _: (
            tf.cast(tf.abs(z), tf.complex64)
            * tf.exp(1j * tf.cast(tf.math.angle(z + 2.0), tf.complex64))
        ),
        lambda z, _: tf.complex(tf.math.imag(z), tf.tanh(tf.math.real(z))),
        lambda z, _: tf.signal.ifft(tf.signal.fft(z) * turn),
        lambda z, _: tf.signal.fft(tf.cast(tf.math.real(z), tf.complex64)) / 5.0,
        lambda z, _: tf.pad(tf.signal.rfft(tf.math.real(z)), [[0, 0], [0, 0], [3, 8]]) / 5.0,
        lambda z, _: tf.cast(tf.signal.irfft(z[..., :13]), tf.complex64) * (1 + 1j),
        lambda z, _: tf.matmul(z, matrix, adjoint_b=True),
        lambda z, _: tf.einsum("btf,fg->btg", z, matrix),
        lambda z, w: tf.concat([z[..., 5:], w[..., :5]], -1),
        lambda z, w: tf.unstack(tf.stack([z, w]))[1] + tf.reverse(z, [2]),
        lambda z, _: tf.transpose(tf.transpose(z, [0, 2, 1], conjugate=True), [0, 2, 1]),
        lambda z, w: sum(tf.split(tf.gather(tf.concat([z, w], -1), range(48), axis=-1), 2, -1)),
        lambda z, _: tf.reshape(z, tf.shape(z)) - 0.5 * tf.reduce_mean(z, 1, keepdims=True),
        chosen,
        in_a_loop,
        in_a_branch,
        tf.function(lambda z, w: z + 0.5 * w * turn),
    ]


def _random_graph(seed: int, length: int) -> tuple[Callable[[Any], Any], list[int]]:
    """A function of x [B, T, FRAME], and the steps that it takes."""
    tf: Any = load("tensorflow")
    random = np.random.default_rng(seed)
    steps = _steps(tf, random)
    order = [int(k) for k in random.permutation(len(steps))[:length]]

    def call(x: Any) -> Any:
        z, w = tf.complex(x, tf.reverse(x, [2])), tf.cast(x, tf.complex64)
        for k in order:
            z, w = steps[k](z, w), z
            z = z / tf.cast(1.0 + tf.reduce_max(tf.abs(z)), tf.complex64)
        return tf.math.real(z), tf.math.imag(z) + tf.abs(w)

    return call, order


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs(seed: int) -> None:
    """Graphs of random complex ops have builtin ops alone, and TensorFlow's numbers."""
    call, order = _random_graph(seed, 9)
    hold(_source(call, None, None, FRAME), [f"seed {seed}", f"steps {order}"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 50))
def test_more_random_graphs(seed: int) -> None:
    """The same of many more, and longer ones."""
    call, order = _random_graph(seed, 12)
    hold(_source(call, None, None, FRAME), [f"seed {seed}", f"steps {order}"])
