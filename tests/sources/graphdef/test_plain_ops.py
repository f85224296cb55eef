"""Ops that LiteRT lacks, as the few ops that compute them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.missing import missing_ops
from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.graphdef import plain_ops
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold


def test_functions_are_those_of_float64() -> None:
    """Near 0, far from it, and where a formula changes, to a few roundings of float32."""
    tf: Any = load("tensorflow")
    all_of = np.concatenate([-np.geomspace(9.0, 1e-6, 200), [0.0], np.geomspace(1e-6, 9.0, 200)])
    inside = all_of[np.abs(all_of) < 0.999]
    for name, x in (
        ("acos", inside),
        ("asin", inside),
        ("atan", all_of),
        ("tan", all_of[np.abs(all_of) < 1.5]),
        ("cosh", all_of),
        ("sinh", all_of),
        ("acosh", 1.0 + np.abs(all_of)),
        ("asinh", all_of),
        ("atanh", inside),
        ("erf", all_of),
        ("erfc", all_of),
    ):
        rounded = x.astype(np.float32)
        expected = getattr(tf.math, name)(tf.constant(rounded, tf.float64)).numpy()
        found = getattr(plain_ops, f"_{name}")(tf.constant(rounded)).numpy()
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=3e-7, err_msg=name)


def test_moved_multiplied_and_measured() -> None:
    """Roll, Cumprod, norms, cross products, diagonals: TensorFlow's numbers, in a loop too."""
    tf: Any = load("tensorflow")

    def call(x: Any) -> Any:
        outer = x[:, :, None] * x[:, None]

        def step(k: Any, y: Any) -> Any:
            return k + 1, tf.roll(y, 1, 1) + 0.5 * tf.math.cumprod(y, 1, reverse=True)

        shapes = (tf.TensorShape([]), tf.TensorShape([None, 6]))
        looped = tf.while_loop(lambda k, _: k < 3, step, (0, tf.tanh(x)), shape_invariants=shapes)
        return (
            looped[1],
            tf.roll(x, [2, -1], [1, 0]),
            tf.math.cumprod(x, 1, exclusive=True),
            tf.math.reduce_euclidean_norm(x, 1),
            tf.linalg.cross(x[:, :3], x[:, 3:]),
            tf.linalg.diag_part(outer[:, :4]),
        )

    specs = [tf.TensorSpec((None, 6), tf.float32, name="x")]
    hold(source_model(tf.function(call, input_signature=specs), "f", {}), ["rare ops"])


def test_what_depends_on_an_open_length_stays() -> None:
    """A product over an open axis, and a long way round one, are named as ops that are missing."""
    tf: Any = load("tensorflow")

    def call(x: Any) -> Any:
        return tf.math.cumprod(x, 1), tf.roll(x, 2, 1)

    specs = [tf.TensorSpec((None, None), tf.float32, name="x")]
    model = read_model(to_tflite(source_model(tf.function(call, input_signature=specs), "f", {})))
    assert [op.name for op in missing_ops(model)] == ["Cumprod", "Roll"]
