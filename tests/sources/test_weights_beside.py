"""The other half of a model in two files is found by the layers that both name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.weights_beside import pair


def architecture(path: Path, *layers: tuple[str, str], **more: Any) -> Path:
    """An architecture of these layers, class and name."""
    described = [{"class_name": kind, "config": {"name": name}} for kind, name in layers]
    config = {"name": "model", "layers": described}
    path.write_text(json.dumps({"class_name": "Functional", "config": config, **more}))
    return path


def keras_2(path: Path, names: list[Any], empty: Sequence[str] = ()) -> Path:
    """Weights of Keras 2: each layer by its name, those without weights are empty."""
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        stored = names if isinstance(names[0], bytes) else np.array([*names, *empty], text)
        file.attrs["layer_names"] = stored
        for name in map(str, (n.decode() if isinstance(n, bytes) else n for n in names)):
            file.create_group(name)["kernel:0"] = np.ones(2)
        for name in empty:
            file.create_group(name)
    return path


def keras_3(path: Path, *classes: str) -> Path:
    """Weights of Keras 3: each layer by its class, numbered."""
    with h5py.File(path, "w") as file:
        for name in classes:
            file.create_group(f"layers/{name}/vars")
    return path


LAYERS = ("InputLayer", "in"), ("LSTM", "memory"), ("LSTM", "second"), ("Dense", "out")
CLASSES = ("lstm", "lstm_1", "dense")


@pytest.mark.parametrize("kept", [True, False])
def test_keras_3_names_classes(tmp_path: Path, kept: bool) -> None:
    """Whatever the layers are called, and whether the input stands among them or not."""
    model = architecture(tmp_path / "model.json", *LAYERS)
    names = ("input_layer", *CLASSES) if kept else CLASSES
    weights = keras_3(tmp_path / "model.weights.h5", *names)
    assert pair(model) == (model, weights)
    assert pair(weights) == (model, weights)


def test_of_several_the_one_with_the_same_classes(tmp_path: Path) -> None:
    """A model with more layers, or with fewer, is another one."""
    own = architecture(tmp_path / "own.json", *LAYERS)
    architecture(tmp_path / "more.json", *LAYERS, ("Dense", "another"))
    architecture(tmp_path / "fewer.json", *LAYERS[:-1])
    weights = keras_3(tmp_path / "own.weights.h5", *CLASSES)
    keras_3(tmp_path / "other.weights.h5", *CLASSES, "gru")
    assert pair(weights) == (own, weights)
    assert pair(own) == (own, weights)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("LSTM", "lstm"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("Conv1D", "conv1d"),
        ("MyRNNCell", "my_rnn_cell"),
        ("A>B", "ab"),
    ],
)
def test_what_keras_3_calls_a_class(tmp_path: Path, kind: str, name: str) -> None:
    """Words are parted where a capital begins one."""
    model = architecture(tmp_path / "model.json", (kind, "any"))
    weights = keras_3(tmp_path / "model.weights.h5", name)
    assert pair(model) == (model, weights)


@pytest.mark.parametrize("names", [["memory", "out"], [b"memory", b"out"]])
def test_keras_2_names_layers(tmp_path: Path, names: list[Any]) -> None:
    """All that have weights are in the architecture, as text or as bytes; others do not count."""
    model = architecture(tmp_path / "model.json", *LAYERS)
    weights = keras_2(tmp_path / "w.h5", names, empty=["dropped_since"])
    assert pair(weights) == (model, weights)
    assert pair(model) == (model, weights)


def test_the_names_of_classes_are_no_names_of_layers(tmp_path: Path) -> None:
    """A layer called lstm that is a GRU does not fit a file of Keras 3."""
    model = architecture(tmp_path / "model.json", ("GRU", "lstm"))
    keras_3(tmp_path / "model.weights.h5", "lstm")
    with pytest.raises(SourceError, match="the H5 file of its weights is not beside it"):
        pair(model)


@pytest.mark.parametrize("half", ["model.json", "model.h5"])
def test_a_half_alone(tmp_path: Path, half: str) -> None:
    """The error says which keys to write, and what makes the other half."""
    path = tmp_path / half
    if path.suffix == ".json":
        architecture(path, *LAYERS)
    else:
        keras_2(path, ["memory"])
    with pytest.raises(SourceError, match="is not beside it") as caught:
        pair(path)
    key = "path" if path.suffix == ".json" else "weights"
    assert f"source.{key}: {half}" in caught.value.remedy
    assert "model.save_weights()" in caught.value.remedy


def test_several_other_halves(tmp_path: Path) -> None:
    """They are named, for the user to choose."""
    model = architecture(tmp_path / "model.json", *LAYERS)
    for name in ("a.h5", "b.hdf5"):
        keras_2(tmp_path / name, ["memory"])
    with pytest.raises(SourceError, match=r"several stand beside it: a.h5, b.hdf5"):
        pair(model)


def test_a_whole_model(tmp_path: Path) -> None:
    """It is itself, whatever stands beside it; so is what is no model at all."""
    architecture(tmp_path / "model.json", *LAYERS)
    whole = keras_2(tmp_path / "model.h5", ["memory"])
    with h5py.File(whole, "a") as file:
        file.attrs["model_config"] = "{}"
    assert pair(whole) == (whole, None)
    other = tmp_path / "model.keras"
    other.write_bytes(b"zip")
    assert pair(other) == (other, None)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    """Damaged H5, other JSON and folders beside a model are passed over."""
    model = architecture(tmp_path / "model.json", *LAYERS)
    weights = keras_2(tmp_path / "w.h5", ["memory"])
    (tmp_path / "cut.h5").write_bytes(weights.read_bytes()[:100])
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "number.json").write_text("7")
    (tmp_path / "folder.h5").mkdir()
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["layers"] = np.ones(3)
    assert pair(model) == (model, weights)
    assert pair(weights) == (model, weights)
    other = tmp_path / "list.json"
    assert pair(other) == (other, None)


def test_an_architecture_of_keras_1(tmp_path: Path) -> None:
    """Its config is a list of layers; one that is no layer has no class."""
    path = tmp_path / "old.json"
    layers = [{"class_name": "Dense", "config": {"name": "out"}}, 1]
    path.write_text(json.dumps({"class_name": "Sequential", "config": layers}))
    weights = keras_2(tmp_path / "old.h5", ["out"])
    assert pair(weights) == (path, weights)


def test_a_whole_model_beside_an_architecture_has_its_weights(tmp_path: Path) -> None:
    """An architecture beside a model of the same layers takes these; the model stays whole."""
    model = architecture(tmp_path / "model.json", *LAYERS)
    whole = tmp_path / "weights.hdf5"
    with h5py.File(whole, "w") as file:
        file.attrs["model_config"] = model.read_bytes()
        names = ["memory", "second", "out"]
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array(names, h5py.string_dtype())
        for name in names:
            group.create_group(name)["kernel:0"] = np.ones(2)
    assert pair(model) == (model, whole)
    assert pair(whole) == (whole, None)
