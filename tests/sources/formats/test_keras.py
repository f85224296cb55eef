"""Keras 3 models become canonical TFLite files: names, order, dtypes, shapes, loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite

Build = Callable[[Any], Any]


def stacked(keras: Any) -> Any:
    """Open batch and length, a shared layer, a nested model, a name with a space."""
    layers = keras.layers
    x = keras.Input((None, 3), name="x")
    shared = layers.LSTM(3, return_sequences=True, name="my lstm")
    encoder = keras.Sequential([keras.Input((None, 3)), layers.SimpleRNN(5)], name="encoder")
    y = layers.Bidirectional(layers.LSTM(4), name="both")(shared(shared(x)))
    return keras.Model(x, [layers.Dense(2, name="probs")(y), encoder(x)])


def sequential(keras: Any) -> Any:
    """Token indices, one layer with three outputs."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="tokens"),
            layers.Embedding(11, 3),
            layers.GRU(2, return_sequences=True, return_state=True, name="gru"),
        ]
    )


def nested(keras: Any) -> Any:
    """Dicts out of alphabetical order, a list in a dict, a batch of its own."""
    z, k = keras.Input((3,), batch_size=2, name="z"), keras.Input((3,), batch_size=2, name="k")
    dense = keras.layers.Dense
    return keras.Model({"z": z, "k": k}, {"q": dense(2)(z), "a": [dense(2)(k), dense(4)(z)]})


def passthrough(keras: Any) -> Any:
    """The same tensor as two outputs, an input as an output, an input nobody reads."""
    x, unread = keras.Input((3,), name="x"), keras.Input((1,), name="unread")
    y = keras.layers.Dense(2, name="y")(x)
    return keras.Model([unread, x], [y, x, y])


INTERFACES: list[tuple[Build, list[Any], list[Any]]] = [
    (
        stacked,
        [("x", "float32", (None, None, 3))],
        [("probs", "float32", (None, 2)), ("encoder", "float32", (None, 5))],
    ),
    (
        sequential,
        [("tokens", "int32", (None, None))],
        [
            ("gru", "float32", (None, None, 2)),
            ("gru_1", "float32", (None, 2)),
        ],
    ),
    (
        nested,
        [("z", "float32", (2, 3)), ("k", "float32", (2, 3))],
        [("q", "float32", (2, 2)), ("a", "float32", (2, 2)), ("a_1", "float32", (2, 4))],
    ),
    (
        passthrough,
        [("unread", "float32", (None, 1)), ("x", "float32", (None, 3))],
        [("y", "float32", (None, 2)), ("x", "float32", (None, 3)), ("y_1", "float32", (None, 2))],
    ),
]


@pytest.mark.parametrize(
    ("build", "inputs", "outputs"), INTERFACES, ids=lambda each: getattr(each, "__name__", "")
)
def test_the_interface_is_the_source_s(
    keras: Any, build: Build, inputs: list[Any], outputs: list[Any]
) -> None:
    """Names, order, dtypes and open dimensions are kept, in the file and in its signature."""
    source, model = imported(build(keras))
    assert [(s.name, s.dtype, s.shape) for s in source.inputs] == inputs
    assert [(s.name, s.dtype, s.shape) for s in source.outputs] == outputs
    for side, expected in (("inputs", inputs), ("outputs", outputs)):
        tensors = getattr(model.main, side)
        found = [
            (t.name, t.dtype.lower(), tuple(d if d > 0 else None for d in t.shape)) for t in tensors
        ]
        assert found == expected
        assert getattr(model.signatures[0], side) == dict(
            zip([e[0] for e in expected], tensors, strict=True)
        )
    assert [s.key for s in model.signatures] == ["serving_default"]


def test_loops_stay_and_are_named_as_their_author_named_them(keras: Any) -> None:
    """A loop stands whole, under the path of its layer; weights are constants in its body."""
    _, model = imported(stacked(keras))
    loops = [op for op in model.main.ops if op.code == "WHILE"]
    assert sorted(op.outputs[0].name for op in loops) == [
        "both/backward_lstm/while",
        "both/forward_lstm/while",
        "encoder/simple_rnn/while",
        "my_lstm/while",
        "my_lstm/while_1",
    ]
    for loop in loops:
        body = loop.options["body_subgraph"]
        kernels = [t for op in body.ops if op.code == "FULLY_CONNECTED" for t in op.inputs[1:2]]
        assert kernels
        assert all(t is not None and t.data is not None for t in kernels)
    assert not {op.code for op in model.ops()} & {"VAR_HANDLE", "READ_VARIABLE"}


@pytest.mark.parametrize("build", [nested, passthrough])
def test_the_file_computes_what_the_source_computes(keras: Any, build: Build) -> None:
    """Outputs come under their own names: nested, repeated and passed through."""
    model = build(keras)
    source = source_model(model, {})
    rng = np.random.default_rng(0)
    fed = {
        s.name: rng.standard_normal([d or 2 for d in s.shape]).astype("f") for s in source.inputs
    }
    expected = source.run(fed)
    found = Runner(to_tflite(source), "reference").run(fed)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-6)


@pytest.mark.parametrize("length", [5, None])
def test_time_distributed_layers_stand_once(keras: Any, length: int | None) -> None:
    """Time is folded into the batch: no copy a step, no loop, and the source's numbers."""
    layers = keras.layers
    inner = keras.Sequential([layers.Conv1D(2, 2), layers.Flatten(), layers.Dense(4)])
    x = keras.Input((length, 3, 2), name="x")
    source = source_model(keras.Model(x, layers.TimeDistributed(inner, name="y")(x)), {})
    assert source.outputs[0].shape == (None, length, 4)
    content = to_tflite(source)
    codes = [op.code for op in read_model(content).ops()]
    assert codes.count("CONV_2D") == codes.count("FULLY_CONNECTED") == 1
    assert "WHILE" not in codes
    fed = {"x": np.random.default_rng(0).standard_normal((2, 5, 3, 2)).astype("f")}
    expected = source.run(fed)["y"]
    np.testing.assert_allclose(Runner(content, "reference").run(fed)["y"], expected, atol=1e-6)


def test_time_distributed_layers_of_the_user_are_called_step_by_step(keras: Any) -> None:
    """A layer that may mix the entries of a batch is left as it is."""

    class Centred(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x - keras.ops.mean(x, axis=0, keepdims=True)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    x = keras.Input((3, 2), batch_size=2, name="x")
    source = source_model(keras.Model(x, keras.layers.TimeDistributed(Centred(), name="y")(x)), {})
    fed = {"x": np.random.default_rng(0).standard_normal((2, 3, 2)).astype("f")}
    found = Runner(to_tflite(source), "reference").run(fed)["y"]
    np.testing.assert_allclose(found, source.run(fed)["y"], atol=1e-6)


def test_the_source_runs_as_keras_itself_does(keras: Any) -> None:
    """The oracle's outputs are those of the model called in inference, by name."""
    model = stacked(keras)
    x = np.random.default_rng(0).standard_normal((3, 5, 3)).astype("f")
    probs, encoder = (np.asarray(t) for t in model(x, training=False))
    found = source_model(model, {}).run({"x": x})
    np.testing.assert_array_equal(found["probs"], probs)
    np.testing.assert_array_equal(found["encoder"], encoder)


def test_pins_close_the_length(keras: Any) -> None:
    """A pinned length is fixed in inputs, in what follows from it, and in the file."""
    source = source_model(sequential(keras), {"tokens": [None, 7]})
    assert source.inputs[0].shape == (None, 7)
    assert source.outputs[0].shape == (None, 7, 2)
    assert read_model(to_tflite(source)).main.inputs[0].shape == (-1, 7)


def test_index_inputs_have_their_embedding_s_limit(keras: Any) -> None:
    """An input read by an Embedding, here through a nested model, has its number of indices."""
    inner = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(7, 2)])
    x, y = keras.Input((None,), name="x"), keras.Input((None, 2), name="y")
    model = keras.Model([x, y], keras.layers.Add()([inner(x), y]))
    assert source_model(model, {}).limits == {"x": range(7)}


def test_a_model_without_inputs_takes_them_from_the_config(keras: Any) -> None:
    """An unbuilt Sequential is refused, and built where source.inputs gives its shapes."""
    with pytest.raises(SourceError, match=r"does not say what its inputs are.*\n.*source.inputs"):
        source_model(keras.Sequential([keras.layers.LSTM(3)]), {})
    source = source_model(
        keras.Sequential([keras.layers.LSTM(3, name="last")]), {"x": [None, 4, 2]}
    )
    assert [s.name for s in (*source.inputs, *source.outputs)] == ["x", "last"]


def test_an_op_that_tflite_lacks_is_imported(keras: Any) -> None:
    """It stays as a custom op, for `inspect` to name and `convert` to refuse."""
    tensorflow = pytest.importorskip("tensorflow")

    class Inverse(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tensorflow.math.erfinv(x)

    x = keras.Input((3,))
    _, model = imported(keras.Model(x, Inverse()(x)))
    assert [op.code for op in model.ops() if op.custom] == ["Erfinv"]


def imported(model: Any) -> tuple[SourceModel, Model]:
    """A Keras model as a source, and as the file it becomes."""
    source = source_model(model, {})
    return source, read_model(to_tflite(source))
