"""Products of integer matrices, which TFLite has no op for."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.formats.concrete_function import source_model as function_source
from rnnlite_pipeline.sources.formats.keras import source_model as keras_source
from rnnlite_pipeline.sources.to_tflite import _refused
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold


def test_a_quantized_keras_model(keras: ModuleType) -> None:
    """What model.quantize("int8") made converts, and computes what Keras does."""
    x = keras.Input((None, 8), name="x")
    y = keras.layers.LSTM(6, return_sequences=True)(x)
    y = keras.layers.TimeDistributed(keras.layers.Dense(5))(y)
    y = keras.layers.EinsumDense("btf,fg->btg", (None, 3))(y)
    model = keras.Model(x, y)
    model.quantize("int8")
    hold(keras_source(model, {}), ["quantized"])


def test_products_are_exact_to_the_last_bit(capsys: pytest.CaptureFixture[str]) -> None:
    """Integers of every sign, of both layouts, in a loop too, are multiplied exactly."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(0)
    few = tf.constant(rng.integers(-128, 128, (7, 4), np.int8))
    many = tf.constant(np.full((3, 1100), -128, np.int8))

    def product(a: Any, b: Any, **options: Any) -> Any:
        return tf.matmul(tf.cast(a, tf.int8), b, output_type=tf.int32, **options)

    def call(x: Any, wide: Any) -> Any:
        def step(k: Any, total: Any) -> Any:
            return k + 1, total + product(x + tf.cast(k, tf.float32), few)

        start = (0, tf.zeros((tf.shape(x)[0], 4), tf.int32))
        shapes = (tf.TensorShape([]), tf.TensorShape([None, 4]))
        total = tf.while_loop(lambda k, _: k < 3, step, start, shape_invariants=shapes)[1]
        return total, product(wide, many, transpose_b=True)

    specs = [tf.TensorSpec((None, n), tf.float32, name=f"x{n}") for n in (7, 1100)]
    source = function_source(tf.function(call, input_signature=specs), "f", {})
    hold(source, ["products"])
    assert "can be 18,022,400; above 16,777,216 they are rounded" in capsys.readouterr().out


def test_a_refusal_names_the_op_and_its_place() -> None:
    """Where the converter names only an op of its own, its location names the model's."""
    text = (
        'loc(fused["BatchMatMulV3:", callsite("dense/MatMul"("<frozen runpy>":198:1) at x)]): '
        "error: 'tfl.fully_connected' op operand #0 must be tensor of 32-bit float"
    )
    assert _refused(text) == 'the op BatchMatMulV3 ("dense/MatMul")'
