"""Models that Keras 1 and early Keras 2 wrote: what they say is what they compute."""

from __future__ import annotations

import base64
import json
import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.algebra.functions import sigmoid
from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.keras_old import modern
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.sources.weights_beside import pair
from rnnlite_pipeline.toolchain import load
from tests.sources.round_trip import config, round_trip
from tests.sources.test_fused_files import published

RNG = np.random.default_rng(0)
UNITS, FEATURES = 4, 3


@pytest.fixture(scope="module", autouse=True)
def _tf_keras() -> None:
    """tf-keras, in the environment that every import of a source runs in."""
    load("tensorflow")
    load("tf_keras")


def write(
    path: Path, architecture: Any, weights: dict[str, list[np.ndarray]], version: str | None
) -> Path:
    """An H5 file as Keras 1 and 2 wrote it: the architecture, and each layer's arrays in order."""
    with h5py.File(path, "w") as file:
        if architecture is not None:
            file.attrs["model_config"] = json.dumps(architecture).encode()
        group = file if architecture is None else file.create_group("model_weights")
        if version:
            file.attrs["keras_version"] = group.attrs["keras_version"] = version.encode()
        group.attrs["backend"] = b"tensorflow"
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            layer, names = group.create_group(name), [f"{name}_{k}" for k in range(len(arrays))]
            layer.attrs["weight_names"] = [each.encode() for each in names]
            for each, array in zip(names, arrays, strict=True):
                layer.create_dataset(each, data=array.astype(np.float32))
    return path


def random(*shape: int) -> np.ndarray:
    """Weights."""
    return RNG.normal(0, 0.5, shape)


def sequential(*layers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A Sequential of Keras 1 and 2: its config is a list."""
    return {
        "class_name": "Sequential",
        "config": [{"class_name": name, "config": options} for name, options in layers],
    }


SHAPE = {"batch_input_shape": [None, 6, FEATURES], "name": "rnn"}
X = RNG.normal(size=(2, 6, FEATURES)).astype(np.float32)


def run(path: Path) -> np.ndarray:
    """What the opened source computes of X; it is converted and held to that as well."""
    made = round_trip(format="h5", path=str(path))
    (name,) = (spec.name for spec in made.source.inputs)
    (found,) = made.source.run({name: X}).values()
    return found


def lstm(kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The last h of an LSTM over X; gates in the order i, f, c, o, kernels [F or U, 4 U]."""
    h, c = np.zeros((len(X), UNITS)), np.zeros((len(X), UNITS))
    for t in range(X.shape[1]):
        i, f, g, o = np.split(X[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(
    kernel: np.ndarray, recurrent: np.ndarray, biases: np.ndarray, *, after: bool
) -> np.ndarray:
    """The last h of a GRU over X; gates in the order z, r, h; biases [2, 3 U] if `after`."""
    first, second = (biases[0], biases[1]) if after else (biases, np.zeros_like(biases))
    h = np.zeros((len(X), UNITS))
    for t in range(X.shape[1]):
        own = np.split(X[:, t] @ kernel + first, 3, axis=1)
        uz, ur, uh = np.split(recurrent, 3, axis=1)
        bz, br, bh = np.split(second, 3)
        z, r = sigmoid(own[0] + h @ uz + bz), sigmoid(own[1] + h @ ur + br)
        product = r * (h @ uh + bh) if after else (r * h) @ uh
        h = z * h + (1 - z) * np.tanh(own[2] + product)
    return h


def as_cudnn(kernel: np.ndarray, gates: int) -> np.ndarray:
    """A kernel [F, gates U] as cuDNN stores it: each gate's transpose, in the same shape."""
    parts = [part.T.reshape(part.shape) for part in np.split(kernel, gates, axis=1)]
    return np.concatenate(parts, axis=1)


def as_cudnn_recurrent(kernel: np.ndarray, gates: int) -> np.ndarray:
    """A recurrent kernel [U, gates U]: each gate's transpose."""
    return np.concatenate([part.T for part in np.split(kernel, gates, axis=1)], axis=1)


def test_cudnn_lstm_is_an_lstm(tmp_path: Path) -> None:
    """Its two biases [2, 4 U] are added, its kernels transposed gate by gate."""
    kernel, recurrent = random(FEATURES, 4 * UNITS), random(UNITS, 4 * UNITS)
    biases = random(2, 4 * UNITS)
    architecture = sequential(("CuDNNLSTM", {**SHAPE, "units": UNITS}))
    stored = [as_cudnn(kernel, 4), as_cudnn_recurrent(kernel=recurrent, gates=4), biases.ravel()]
    path = write(tmp_path / "m.h5", architecture, {"rnn": stored}, "2.2.4")
    np.testing.assert_allclose(run(path), lstm(kernel, recurrent, biases.sum(0)), atol=1e-6)


def test_cudnn_gru_resets_after(tmp_path: Path) -> None:
    """Its second bias stands inside the reset gate's product."""
    kernel, recurrent = random(FEATURES, 3 * UNITS), random(UNITS, 3 * UNITS)
    biases = random(2, 3 * UNITS)
    architecture = sequential(("CuDNNGRU", {**SHAPE, "units": UNITS}))
    stored = [as_cudnn(kernel, 3), as_cudnn_recurrent(recurrent, 3), biases.ravel()]
    path = write(tmp_path / "m.h5", architecture, {"rnn": stored}, "2.2.4")
    np.testing.assert_allclose(run(path), gru(kernel, recurrent, biases, after=True), atol=1e-6)


def test_a_bidirectional_cudnn_lstm_is_read(tmp_path: Path) -> None:
    """A layer inside a wrapper is renamed as well, and its weights are split for both halves."""
    inner = {"class_name": "CuDNNLSTM", "config": {"name": "rnn", "units": UNITS}}
    outer = {**SHAPE, "name": "both", "layer": inner, "merge_mode": "concat"}
    halves, stored = [], []
    for _ in range(2):
        kernel, recurrent = random(FEATURES, 4 * UNITS), random(UNITS, 4 * UNITS)
        biases = random(2, 4 * UNITS)
        halves.append((kernel, recurrent, biases.sum(0)))
        stored += [as_cudnn(kernel, 4), as_cudnn_recurrent(recurrent, 4), biases.ravel()]
    path = write(tmp_path / "m.h5", sequential(("Bidirectional", outer)), {"both": stored}, "2.2.4")
    np.testing.assert_allclose(run(path)[:, :UNITS], lstm(*halves[0]), atol=1e-6)


def test_a_missing_reset_after_is_false(tmp_path: Path) -> None:
    """A GRU of Keras 2.1 has one bias, and applies the reset gate before the product."""
    kernel, recurrent = random(FEATURES, 3 * UNITS), random(UNITS, 3 * UNITS)
    bias = random(3 * UNITS)
    options = {**SHAPE, "units": UNITS, "recurrent_activation": "sigmoid"}
    stored = [kernel, recurrent, bias]
    path = write(tmp_path / "m.h5", sequential(("GRU", options)), {"rnn": stored}, "2.1.2")
    np.testing.assert_allclose(run(path), gru(kernel, recurrent, bias, after=False), atol=1e-6)


@pytest.mark.parametrize("version", ["1.2.2", None])
def test_keras_1_is_read(tmp_path: Path, version: str | None) -> None:
    """Old names of arguments, twelve arrays in the order i, c, f, o; a Dropout by its p."""
    kernel, recurrent = random(FEATURES, 4 * UNITS), random(UNITS, 4 * UNITS)
    bias, dense = random(4 * UNITS), random(UNITS, 2)
    parts = [np.split(each, 4, axis=-1) for each in (kernel, recurrent, bias)]
    twelve = [part[gate] for gate in (0, 2, 1, 3) for part in parts]
    options = {
        "name": "rnn",
        "output_dim": UNITS,
        "input_dim": FEATURES,
        "input_length": 6,
        "init": "glorot_uniform",
        "inner_init": "orthogonal",
        "forget_bias_init": "one",
        "activation": "tanh",
        "inner_activation": "sigmoid",
        "W_regularizer": None,
        "dropout_W": 0.2,
        "dropout_U": 0.2,
        "consume_less": "cpu",
        "return_sequences": False,
    }
    architecture = sequential(
        ("LSTM", options),
        ("Dropout", {"name": "d", "p": 0.5}),
        ("Dense", {"name": "y", "output_dim": 2, "init": "uniform", "bias": False}),
    )
    weights = {"rnn": twelve, "d": [], "y": [dense]}
    path = write(tmp_path / "m.h5", architecture, weights, version)
    np.testing.assert_allclose(run(path), lstm(kernel, recurrent, bias) @ dense, atol=1e-6)


def test_other_layers_of_keras_1_have_their_new_names() -> None:
    """Convolutions, poolings, merges and TimeDistributedDense, as tf-keras calls them."""
    old = sequential(
        ("Convolution1D", {"name": "c", "nb_filter": 2, "filter_length": 3, "border_mode": "same"}),
        ("MaxPooling1D", {"name": "p", "pool_length": 2, "stride": 2, "border_mode": "valid"}),
        ("Convolution2D", {"name": "k", "nb_row": 2, "nb_col": 3, "dim_ordering": "th"}),
        ("TimeDistributedDense", {"name": "t", "output_dim": 5, "activation": "relu"}),
        ("Merge", {"name": "m", "mode": "concat", "concat_axis": 2}),
        ("Embedding", {"name": "e", "input_dim": 9, "output_dim": 2, "dropout": 0.1, "init": "a"}),
        ("Mine", {"bias": True, "W_regularizer": None}),
    )
    found = [(each["class_name"], each["config"]) for each in modern(old, {"Mine"})["config"]]
    inner = {"class_name": "Dense", "config": {"units": 5, "activation": "relu", "name": "t_dense"}}
    assert found == [
        ("Conv1D", {"name": "c", "filters": 2, "kernel_size": 3, "padding": "same"}),
        ("MaxPooling1D", {"name": "p", "pool_size": 2, "strides": 2, "padding": "valid"}),
        ("Conv2D", {"name": "k", "kernel_size": [2, 3], "data_format": "channels_first"}),
        ("TimeDistributed", {"name": "t", "layer": inner}),
        ("Concatenate", {"name": "m", "axis": 2}),
        ("Embedding", {"name": "e", "input_dim": 9, "output_dim": 2}),
        ("Mine", {"bias": True, "W_regularizer": None}),
    ]


# Architecture and weights apart -------------------------------------------------------------------


def test_a_published_architecture_with_weights_beside_it_converts() -> None:
    """An auto-encoder of Keras 2.1 as JSON and H5, of a convolution and an LSTM."""
    paths = [published(f"cnn-lstm-auto-encoder-{n}") for n in ("architecture.json", "weights.h5")]
    made = round_trip(format="h5", path=str(paths[0]), weights=str(paths[1]))
    assert made.source.outputs[0].shape == (None, 210)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_to_json_and_save_weights(package: str, tmp_path: Path) -> None:
    """Both Keras write an architecture that is opened with its weights."""
    own = load(package)
    layers = [own.layers.Input((6, FEATURES), name="x"), own.layers.LSTM(3)]
    model = own.Sequential(layers)
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    asked = config(
        format="h5", path=str(tmp_path / "m.json"), weights=str(tmp_path / "m.weights.h5")
    )
    (found,) = open_source(asked).run({"x": X}).values()
    np.testing.assert_allclose(found, model(X), atol=1e-6)


YAML = """
backend: tensorflow
class_name: Sequential
config:
- class_name: LSTM
  config:
    batch_input_shape: !!python/tuple [null, 6, 3]
    name: !!python/unicode 'rnn'
    units: 4
"""


@pytest.mark.parametrize("text", [YAML, json.dumps(YAML.strip())], ids=["plain", "dumped again"])
def test_an_architecture_as_yaml(tmp_path: Path, text: str) -> None:
    """It is the model of the same architecture as JSON; the weights beside it are found."""
    (tmp_path / "m.yaml").write_text(text.lstrip())
    arrays = [random(FEATURES, 16), random(4, 16), random(16)]
    weights = write(tmp_path / "w.h5", None, {"rnn": arrays}, "2.1.2")
    assert pair(tmp_path / "m.yaml") == pair(weights) == (tmp_path / "m.yaml", weights)
    path = tmp_path / "m.json"
    path.write_text(json.dumps(sequential(("LSTM", {**SHAPE, "units": UNITS}))))
    one, other = (
        open_source(config(format="h5", path=str(each), weights=str(weights)))
        for each in (tmp_path / "m.yaml", path)
    )
    (found,) = one.run({spec.name: X for spec in one.inputs}).values()
    (expected,) = other.run({spec.name: X for spec in other.inputs}).values()
    np.testing.assert_array_equal(found, expected)


def _of_an_older_python() -> str:
    """A Lambda's code as Python 3.7 marshalled it: without the positional-only count."""
    code = (lambda x: x * 2).__code__
    counts = [1, 0, 1, 2, 67]
    parts: list[Any] = [code.co_code, (None, 2), (), ("x",), (), (), "f.py", "<lambda>", 1, b""]
    head = b"\xe3" + b"".join(n.to_bytes(4, "little") for n in counts)
    body = b"".join(
        part.to_bytes(4, "little") if isinstance(part, int) else marshal.dumps(part, 2)
        for part in parts
    )
    return base64.b64encode(head + body).decode()


def test_a_lambda_of_another_python_says_so(tmp_path: Path) -> None:
    """Its code cannot be run here, and the error says that, and which Lambda it is."""
    options = {
        **SHAPE,
        "name": "twice",
        "function": [_of_an_older_python(), None, None],
        "function_type": "lambda",
        "arguments": {},
    }
    path = write(tmp_path / "m.h5", sequential(("Lambda", options)), {"twice": []}, "2.1.2")
    with pytest.raises(SourceError, match=r'Lambda "twice". Its code was compiled by another'):
        open_source(config(format="h5", path=str(path), allow_lambda=True))


def _no_json(folder: Path) -> dict[str, str]:
    (folder / "m.json").write_text('{"class_name": ')
    return {"path": str(folder / "m.json"), "weights": str(folder / "w.h5")}


def _other_json(folder: Path) -> dict[str, str]:
    (folder / "m.json").write_text('{"answer": 42}')
    return {"path": str(folder / "m.json"), "weights": str(folder / "w.h5")}


def _no_weights(folder: Path) -> dict[str, str]:
    return {"path": str(folder / "a.json")}


def _weights_alone(folder: Path) -> dict[str, str]:
    return {"path": str(folder / "w.h5")}


def _other_weights(folder: Path) -> dict[str, str]:
    write(folder / "o.h5", None, {"rnn": [random(5, 16), random(4, 16), random(16)]}, "2.1.2")
    return {"path": str(folder / "a.json"), "weights": str(folder / "o.h5")}


def _whole_and_weights(folder: Path) -> dict[str, str]:
    write(folder / "whole.h5", {}, {}, "2.1.2")
    return {"path": str(folder / "whole.h5"), "weights": str(folder / "w.h5")}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_no_json, "is not a Keras architecture as JSON"),
        (_other_json, "it has no class_name"),
        (_no_weights, r"without weights\.\n.*source.weights: FILE.h5"),
        (_weights_alone, r"holds weights only.*\n.*to_json.*source.weights"),
        (_other_weights, "do not fit the model of a.json"),
        (_whole_and_weights, r"is no architecture as JSON or YAML\.\n.*leave source.weights out"),
    ],
)
def test_what_does_not_belong_together_is_one_sentence(
    tmp_path: Path, make: Callable[[Path], dict[str, str]], said: str
) -> None:
    """Each error says what is there, and what to write or to save."""
    (tmp_path / "a.json").write_text(json.dumps(sequential(("LSTM", {**SHAPE, "units": UNITS}))))
    arrays = [random(FEATURES, 16), random(4, 16), random(16)]
    write(tmp_path / "w.h5", None, {"rnn": arrays}, "2.1.2")
    with pytest.raises(SourceError, match=said):
        open_source(config(format="h5", **make(tmp_path)))
