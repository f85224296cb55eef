"""tf.scan hands out every state of every step; of the cell states mostly the last is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.toolchain import load
from tests.random_models.held import hold


@pytest.mark.parametrize(
    ("used", "op"),
    [("last", "UNIDIRECTIONAL_SEQUENCE_LSTM"), ("both last", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
     ("first", "WHILE"), ("all", "WHILE")],
)  # fmt: skip
def test_the_last_cell_state_of_a_scan(used: str, op: str) -> None:
    """An LSTM of which the last cell state alone is used fuses; one of which more is used loops."""
    tf: Any = load("tensorflow")
    rng = np.random.default_rng(0)
    kernel, recurrent, bias = (
        tf.constant(rng.normal(0.0, 0.4, shape).astype(np.float32))
        for shape in ((3, 20), (5, 20), (20,))
    )

    def step(states: Any, x: Any) -> Any:
        h, c = states
        i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def scan(x: Any, c: Any) -> list[Any]:
        hs, cs = tf.scan(step, tf.transpose(x, [1, 0, 2]), (tf.zeros_like(c), c))
        if used == "both last":
            return [hs[-1], cs[-1]]
        return [tf.transpose(hs, [1, 0, 2]), {"last": cs[-1], "first": cs[0], "all": cs}[used]]

    specs = [
        tf.TensorSpec((None, None, 3), tf.float32, name="x"),
        tf.TensorSpec((None, 5), tf.float32, name="c"),
    ]
    if used == "all":
        specs = [tf.TensorSpec((None, 6, 3), tf.float32, name="x"), specs[1]]
    found = hold(source_model(tf.function(scan, input_signature=specs), "f", {}), [used])
    assert [layer.op for layer in found.layers] == [op]
