"""Softplus, which the converter alone would let overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load
from tests.quantize.author import KERNELS, Array
from tests.random_models.held import convert_source, hold

#: F features, U units.
F, U = 5, 8


def many(seed: int = 0) -> Array:
    """Numbers of every size from -87, below which exp(x) is no normal float32, to the largest."""
    rng = np.random.default_rng(seed)
    spans = ((-87.0, -10.0), (-10.0, 10.0), (10.0, 100.0), (100.0, 1e4))
    special = (0.0, -0.0, 1e-8, -1e-8, 88.8, -16.7, 1e38, 3.4e38)
    drawn = [rng.uniform(*span, 200) for span in spans]
    return np.concatenate([*drawn, special]).astype(np.float32).reshape(-1, 8)


def test_softplus_is_tensorflows_for_every_number() -> None:
    """In the graph and in a loop, no result is infinite, and small ones keep their precision."""
    tf: Any = load("tensorflow")

    def call(x: Any) -> Any:
        def step(k: Any, y: Any) -> Any:
            return k + 1, tf.nn.softplus(x + 0.0 * y)

        return tf.nn.softplus(x), tf.while_loop(lambda k, _: k < 2, step, (0, tf.zeros_like(x)))[1]

    spec = tf.TensorSpec((None, 8), tf.float32, name="x")
    source = source_model(tf.function(call, input_signature=[spec]), "f", {})
    content, x = to_tflite(source), many()
    expected = source.run({"x": x})
    for kernels in KERNELS:
        for name, found in Runner(content, kernels).run({"x": x}).items():
            np.testing.assert_allclose(found, expected[name], rtol=3e-5, atol=0)


def test_an_lstm_with_a_softplus_candidate_is_right_on_large_input() -> None:
    """The candidate of a hand-written LSTM may be softplus, and its input may be large."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(3)
    kernel, bias = (
        tf.constant(rng.normal(0, 0.4, shape).astype(np.float32))
        for shape in ((F + U, 4 * U), 4 * U)
    )

    def call(x: Any) -> Any:
        x = tf.transpose(x, (1, 0, 2))

        def step(states: Any, x_t: Any) -> Any:
            h, c = states
            z = tf.concat([x_t, h], 1) @ kernel + bias
            i, f, g, o = tf.split(z, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.nn.softplus(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        zeros = tf.zeros((tf.shape(x)[1], U))
        return tf.scan(step, x, (zeros, zeros))[0]

    spec = tf.TensorSpec((None, None, F), tf.float32, name="x")
    source = source_model(tf.function(call, input_signature=[spec]), "f", {})
    hold(source, ["softplus candidate"])
    made = write_model(convert_source(source).model)
    assert not any(op.code.startswith("Flex") for op in read_model(made).ops())
    for factor in (1e-3, 1e2, 1e4):
        x = (rng.normal(size=(3, 9, F)) * factor).astype(np.float32)
        (expected,) = source.run({"x": x}).values()
        for kernels in KERNELS:
            (found,) = Runner(made, kernels).run({"x": x}).values()
            apart = compare(expected, found)
            assert apart.error <= apart.limit(1e-4), (factor, kernels, apart)
