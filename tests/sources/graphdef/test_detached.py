"""Large weights go round TensorFlow's converter, and come back as what it makes of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.formats.keras import source_model as keras_source
from rnnlite_pipeline.sources.graphdef import detached
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load

#: No weight is as large, and every matrix is.
NEVER, ALWAYS = 2**40, 8

Large = Callable[[int], None]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Large:
    """Sets from how many bytes on a weight is detached."""
    return lambda size: monkeypatch.setattr(detached, "LARGE", size)


def _told(model: Model) -> list[Any]:
    """What a graph says besides names: ops, options, shapes and constants."""
    return [
        (
            op.code,
            {k: v for k, v in op.options.items() if isinstance(v, str | bool | int | float)},
            [t and (t.shape, t.data) for t in op.inputs],
            [t.shape for t in op.outputs],
        )
        for op in model.ops()
    ]


def test_the_graph_is_that_of_constants(keras: Any, large: Large) -> None:
    """Embedding, loops, layers with biases and activations: op for op, weight for weight."""
    layers = keras.layers
    normal: dict[str, Any] = {"bias_initializer": "normal"}
    tokens = keras.Input((None,), dtype="int32")
    y = layers.Embedding(50, 6)(tokens)
    y = layers.Bidirectional(layers.LSTM(8, return_sequences=True, **normal))(y)
    y = layers.TimeDistributed(layers.Dense(7, activation="tanh", **normal))(y)
    y = layers.Dense(6, activation="relu", **normal)(y)
    y = layers.Dense(5, use_bias=False)(layers.GRU(4, **normal)(y))
    source = keras_source(keras.Model(tokens, y), {})
    graphs = []
    for size in (NEVER, ALWAYS):
        large(size)
        graphs.append(_told(read_model(to_tflite(source))))
    assert graphs[0] == graphs[1]


def test_a_matrix_with_other_readers_stays_a_constant(large: Large) -> None:
    """Of five matrices one is only multiplied with; added, changed or returned ones stay."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(0)
    taken, added, changed, returned, other = (
        tf.Variable(rng.normal(0, 0.5, (4, 4)).astype(np.float32)) for _ in range(5)
    )

    def call(x: Any) -> Any:
        def step(k: Any, y: Any, w: Any) -> Any:
            return k + 1, tf.tanh(y @ w @ taken), 0.5 * w

        y = tf.while_loop(lambda k, *_: k < 3, step, (0, x @ taken, tf.identity(changed)))[1]
        y = y @ tf.abs(other) + (y @ added + tf.reduce_sum(added, 0))
        return y @ returned, tf.identity(returned)

    spec = tf.TensorSpec([None, 4], tf.float32, name="x")
    source = source_model(tf.function(call, input_signature=[spec]), "f", {})
    large(ALWAYS)
    assert len(detached.without_variables(source.trace()).weights) == 1
    x = rng.normal(size=(3, 4)).astype(np.float32)
    expected, found = source.run({"x": x}), Runner(to_tflite(source), "reference").run({"x": x})
    for name, value in expected.items():
        assert compare(value, found[name]).within(1e-6)


def test_a_table_that_also_gives_the_scores(large: Large) -> None:
    """Rows picked in a nested loop, and a product with the transposed table, share its numbers."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(0)
    table = tf.Variable(rng.normal(0, 0.5, (9, 4)).astype(np.float32))

    def call(x: Any) -> Any:
        def inner(k: Any, y: Any) -> Any:
            token = tf.argmax(tf.matmul(y, table, transpose_b=True), 1, output_type=tf.int32)
            return k + 1, tf.tanh(y + tf.gather(table, token))

        def outer(k: Any, y: Any) -> Any:
            return k + 1, tf.while_loop(lambda k, _: k < 2, inner, (0, y))[1]

        return tf.while_loop(lambda k, _: k < 3, outer, (0, x))[1]

    spec = tf.TensorSpec([None, 4], tf.float32, name="x")
    source = source_model(tf.function(call, input_signature=[spec]), "f", {})
    large(ALWAYS)
    content, x = to_tflite(source), rng.normal(size=(3, 4)).astype(np.float32)
    assert content.count(table.numpy().tobytes()) == 1
    (expected,) = source.run({"x": x}).values()
    (found,) = Runner(content, "reference").run({"x": x}).values()
    assert compare(expected, found).within(1e-6)
