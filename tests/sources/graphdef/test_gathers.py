"""Decoders that pick rows of an embedding inside their loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold
from tests.random_models.tf1_models import graph_of


def test_a_greedy_decoder() -> None:
    """A loop that embeds the token it put out last, from a variable, converts and is right."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(0)
    table, first, kernel, out = (
        tf.Variable(rng.normal(0, 0.5, shape).astype(np.float32))
        for shape in ((9, 3), (9, 4), (3 + 4, 4), (4, 9))
    )

    def decode(h: Any) -> Any:
        def step(t: Any, token: Any, h: Any, made: Any) -> Any:
            x = tf.gather(table, token) + tf.gather_nd(table, tf.expand_dims(token, 1))
            h = tf.tanh(tf.concat([x, h], 1) @ kernel)
            token = tf.argmax(h @ out, 1, output_type=tf.int32)
            return t + 1, token, h, made.write(t, token)

        token = tf.argmax(h @ out, 1, output_type=tf.int32)
        start = (0, token, h + tf.gather(first, token), tf.TensorArray(tf.int32, 6))
        shapes = (
            tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None, 4]),
            tf.TensorShape(None),
        )  # fmt: skip
        made = tf.while_loop(lambda t, *_: t < 6, step, start, shape_invariants=shapes)[3]
        return tf.transpose(made.stack())

    spec = tf.TensorSpec([None, 4], tf.float32, name="h")
    hold(source_model(tf.function(decode, input_signature=[spec]), "f", {}), ["decoder"])


def test_a_greedy_decoder_of_tensorflow_1() -> None:
    """The same in a loop of control flow v1: the axis of the gather stands in the loop's frame."""
    tf: Any = load("tensorflow")
    v1 = tf.compat.v1
    with graph_of(version=1):
        v1.set_random_seed(0)
        start = v1.placeholder(tf.float32, [None, 4], "start")
        shapes = {"table": (9, 3), "kernel": (7, 4), "out": (4, 9)}
        table, kernel, out = (
            v1.get_variable(name, shape, use_resource=True) for name, shape in shapes.items()
        )

        def step(t: Any, h: Any, token: Any) -> Any:
            x = tf.nn.embedding_lookup(table, token)
            h = tf.tanh(tf.matmul(tf.concat([x, h], 1), kernel))
            return t + 1, h, tf.argmax(tf.matmul(h, out), 1, output_type=tf.int32)

        first = tf.argmax(tf.matmul(start, out), 1, output_type=tf.int32)
        h = v1.while_loop(lambda t, *_: t < 6, step, (0, start, first))[1]
        session = v1.Session()
        session.run(v1.global_variables_initializer())
        source = session_model(session, {"start": start}, {"h": tf.identity(h)}, {})
    hold(source, ["decoder"])
