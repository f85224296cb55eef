"""Models of tf-keras as sources: their interface, their layers, their limits."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats import tf_keras as module
from rnnlite_pipeline.sources.formats.tf_keras import prepare_tf_keras, source_model
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.toolchain import load


@pytest.fixture(scope="module")
def tf_keras() -> Any:
    """tf-keras, in the environment that every import of a source runs in."""
    load("tensorflow")
    return load("tf_keras")


def test_tf_keras_is_asked_for_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own classes then mean it by `tf.keras`."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    prepare_tf_keras()
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_inputs_in_a_structure(tf_keras: Any) -> None:
    """By name, whatever the structure is; outputs of one name are numbered."""
    layers = tf_keras.layers
    a, b = (layers.Input((2,), name=n) for n in "ab")
    y = layers.Subtract(name="apart")([a, b])
    model = tf_keras.Model({"b": b, "a": a}, [y, y])
    source = source_model(model, {"a": [4, None]})
    assert {s.name: s.shape for s in source.inputs} == {"a": (4, 2), "b": (None, 2)}
    assert [s.name for s in source.outputs] == ["apart", "apart_1"]
    one, two = np.array([[5, 6]], np.float32), np.array([[1, 2]], np.float32)
    for array in source.run({"a": one, "b": two}).values():
        np.testing.assert_array_equal(array, one - two)
    assert source.versions["tf-keras"] == tf_keras.__version__
    assert source.scope == model.name


def test_a_model_computes_in_inference_and_in_float32(tf_keras: Any) -> None:
    """A dropout drops nothing, and a policy of half precision is left out."""
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((3,), name="x"),
            layers.Dense(2, dtype="mixed_float16"),
            layers.Dropout(0.9),
        ]
    )
    source = source_model(model, {})
    (spec,) = source.outputs
    assert spec.dtype == "float32"
    x = np.array([[1, 2, 3]], np.float32)
    first, second = (next(iter(source.run({"x": x}).values())) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    kernel = model.layers[0].get_weights()[0]
    np.testing.assert_allclose(first, x @ kernel, rtol=1e-5)


def test_a_model_that_was_never_built(tf_keras: Any) -> None:
    """It has no inputs, and the error says how to give it some."""
    model = tf_keras.Sequential([tf_keras.layers.Dense(2)], name="unbuilt")
    with pytest.raises(SourceError, match=r'"unbuilt" does not say.*\n.*tf_keras.Input'):
        source_model(model, {})


def test_layers_however_deep(tf_keras: Any) -> None:
    """Each by its path, with its class, and units where it has some; inputs are no layers."""
    layers = tf_keras.layers
    inner = tf_keras.Sequential([layers.Input((None, 3)), layers.LSTM(4, name="a")], name="inner")
    x = layers.Input((None, 3), name="x")
    y = layers.Flatten(name="flat")(inner(x))
    found = list(module._layers(tf_keras.Model(x, y), ""))
    assert found[0] == {"name": "inner", "class": "Sequential"}
    assert {"name": "inner/a", "class": "LSTM", "units": 4} in found
    assert found[-1] == {"name": "flat", "class": "Flatten"}


def test_indices_have_the_smallest_range_of_an_embedding(tf_keras: Any) -> None:
    """Whole numbers and what an Embedding reads; a model without one has no limits."""
    layers = tf_keras.layers
    n, f, x = (
        layers.Input((3,), dtype=d, name=k)
        for k, d in (("n", "int32"), ("f", "float32"), ("x", "float32"))
    )
    y = layers.Add()([layers.Embedding(9, 2)(f), layers.Embedding(7, 2)(n)])
    model = tf_keras.Model([n, f, x], [y, layers.Dense(1)(x)])
    specs = [TensorSpec(k, d, (None, 3)) for k, d in
             (("n", "int32"), ("f", "float32"), ("x", "float32"))]  # fmt: skip
    assert module._limits(model, specs) == {"n": range(7), "f": range(7)}
    plain = tf_keras.Model(x, layers.Dense(1)(x))
    assert module._limits(plain, specs[2:]) == {}


def test_a_name_that_no_op_can_have(tf_keras: Any) -> None:
    """A scope takes "a>", and then no op in it has a valid name: it is traced under another one."""
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((2,)), layers.Dense(1, name="c>")], name="a>b>")
    definition = source_model(model, {}).trace().graph.as_graph_def()
    assert definition.node
    assert not any(">" in node.name for node in definition.node)
