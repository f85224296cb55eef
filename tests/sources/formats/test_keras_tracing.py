"""Under which names a Keras 3 model is traced, and TimeDistributed in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.sources.formats.keras_tracing import folded_time, layer_paths
from rnnlite_pipeline.toolchain import load


def test_ops_are_named_by_the_path_of_their_layer(keras: Any) -> None:
    """The path begins below the model, no part is numbered, and a space becomes legal."""
    tf = load("tensorflow")
    inner = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="my dense")], name="inner"
    )
    model = keras.Sequential([keras.Input((3,)), inner], name="outer")

    def call(x: Any) -> Any:
        with layer_paths(model):
            return model(x)

    traced = tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec((1, 3)))
    products = [op.name for op in traced.graph.get_operations() if op.type == "MatMul"]
    assert products == ["inner/my_dense/MatMul"]


def test_layers_are_as_before_when_tracing_ends(keras: Any) -> None:
    """Both changes of Keras are taken back, after an error too."""
    kinds = keras.layers.Layer, keras.layers.TimeDistributed
    before = kinds[0]._open_name_scope, kinds[1].call
    with layer_paths(keras.Sequential()), folded_time():
        assert kinds[0]._open_name_scope is not before[0]
        assert kinds[1].call is not before[1]
    with pytest.raises(KeyError), layer_paths(keras.Sequential()), folded_time():
        raise KeyError
    assert (kinds[0]._open_name_scope, kinds[1].call) == before


@pytest.mark.parametrize("own", [False, True])
def test_time_is_folded_where_the_entries_of_a_batch_are_independent(keras: Any, own: bool) -> None:
    """A layer of Keras is called once for all steps; a user's layer once for each step."""
    calls = []

    class Dense(keras.layers.Dense):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            calls.append(tuple(x.shape))
            return super().call(x)

    if not own:
        Dense.__module__ = "keras.layers"
    layer = keras.layers.TimeDistributed(Dense(2))
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    expected = np.asarray(layer(x))
    calls.clear()
    with folded_time():
        found = np.asarray(layer(x))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (calls == [(8, 3)]) is not own
