"""Complex tensors that go round loops and through lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold
from tests.random_models.tf1_models import graph_of


def _source(call: Callable[..., Any], *shape: int | None) -> SourceModel:
    tf: Any = load("tensorflow")
    specs = [tf.TensorSpec(shape, tf.float32, name="x")]
    return source_model(tf.function(call, input_signature=specs), "f", {})


def test_a_recurrence_of_complex_numbers() -> None:
    """A diagonal linear recurrence, its state and its sequences complex, is a loop."""
    tf: Any = load("tensorflow")
    turn = tf.constant(0.9 * np.exp(1j * np.linspace(0, 3, 6)), tf.complex64)

    def call(x: Any) -> Any:
        z = tf.transpose(tf.complex(x, tf.tanh(x)), [1, 0, 2])
        steps = tf.shape(z)[0]
        taken = tf.TensorArray(tf.complex64, steps, element_shape=(None, 6)).unstack(z)
        made = tf.TensorArray(tf.complex64, steps, element_shape=(None, 6))

        def body(t: Any, h: Any, made: Any) -> Any:
            h = turn * h + taken.read(t)
            return t + 1, h, made.write(t, h)

        start = (0, tf.zeros_like(z[0]), made)
        shapes = (tf.TensorShape([]), tf.TensorShape([None, 6]), tf.TensorShape(None))
        ended = tf.while_loop(lambda t, *_: t < steps, body, start, shape_invariants=shapes)
        return tf.math.real(ended[2].stack()), tf.abs(ended[1])

    hold(_source(call, None, None, 6), ["a complex recurrence"])


def test_a_loop_of_control_flow_v1() -> None:
    """Both parts go round a loop as TensorFlow 1 writes it, and so do arrays of complex tensors."""
    tf: Any = load("tensorflow")
    v1 = tf.compat.v1
    with graph_of(version=1) as graph:
        x = v1.placeholder(tf.float32, [None, 5, 6], "x")
        z = tf.transpose(tf.complex(x, 1.0 - x), [1, 0, 2])
        taken = tf.TensorArray(tf.complex64, 5, element_shape=(None, 6)).unstack(z)
        made = tf.TensorArray(tf.complex64, 5, element_shape=(None, 6))
        state = tf.zeros_like(z[0])
        state.set_shape([None, 6])

        def body(t: Any, h: Any, made: Any) -> Any:
            h = tf.exp(0.1 * tf.signal.fft(h)) * taken.read(t) / 3.0
            return t + 1, h, made.write(t, tf.math.conj(h))

        ended = v1.while_loop(lambda t, *_: t < 5, body, (0, state, made))
        outputs = {"y": tf.math.imag(ended[2].stack()), "last": tf.math.real(ended[1])}
        source = session_model(v1.Session(graph=graph), {"x": x}, outputs, {})
    hold(source, ["control flow v1"])
