"""Which Keras opens a file, what the file may hold, and what a factory may return."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats import keras_files
from rnnlite_pipeline.sources.formats.keras_archive import Archive
from rnnlite_pipeline.toolchain import load
from tests.sources.round_trip import config

PATH = Path("m.keras")


def archive(custom: dict[str, str] | None = None, lambdas: bool = False) -> Archive:
    """What a file of Keras 3 says of itself."""
    return Archive("3.15.0", custom or {}, lambdas)


def test_own_classes_are_named_in_the_config() -> None:
    """By their name or by the one they are registered under."""
    own = archive({"Mine": "Package>Mine"})
    keras_files._check(PATH, archive(), {}, False)
    for name in ("Mine", "Package>Mine"):
        keras_files._check(PATH, own, {name: object}, False)
    with pytest.raises(SourceError, match=r"m\.keras uses the class Mine") as caught:
        keras_files._check(PATH, own, {"mine": object}, False)
    assert "{Mine: your.module:Mine}" in caught.value.remedy
    assert "--custom-object Mine=" in caught.value.remedy
    assert caught.value.key == ("source", "custom_objects")


def test_code_in_a_file_runs_only_where_it_is_allowed() -> None:
    """The key that allows it is named."""
    keras_files._check(PATH, archive(lambdas=True), {}, True)
    with pytest.raises(SourceError, match="Lambda") as caught:
        keras_files._check(PATH, archive(lambdas=True), {}, False)
    assert caught.value.key == ("source", "allow_lambda")


def whole(path: Path, version: str) -> Path:
    """An H5 file of a whole model, without layers."""
    described = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(described)
        file.attrs["keras_version"] = version
        file["weights"] = np.ones(2)
    return path


def test_the_content_and_not_the_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    """An H5 file called .keras is one, of the Keras that wrote it."""
    legacy = keras_files._read(whole(tmp_path / "a.keras", "2.4.0"), None)
    assert legacy.is_legacy
    assert legacy.weights == tmp_path / "a.keras"
    assert not keras_files._read(whole(tmp_path / "b.h5", "3.1.0"), None).is_legacy
    (tmp_path / "c.keras").write_bytes(b"neither")
    with pytest.raises(SourceError, match=r"c.keras is no .keras file"):
        keras_files._read(tmp_path / "c.keras", None)


def test_an_architecture_has_its_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    """A whole model has not."""
    weights = whole(tmp_path / "w.h5", "2.4.0")
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {}, "keras_version": "2.4"}))
    assert keras_files._read(path, weights).weights == weights
    with pytest.raises(SourceError, match=r"w.h5 is no architecture as JSON.*\n.*source.weights"):
        keras_files._read(weights, weights)


MODULE = """
from rnnlite_pipeline.toolchain import load

def model():
    keras = load("keras")
    return keras.Sequential([keras.Input((4, 2), name="x"), keras.layers.LSTM(3, name="memory")])

def nothing():
    return {}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a config, with a module of the user."""
    (tmp_path / "users_keras.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_factory(folder: Path, keras: Any) -> None:
    """Its model is opened by the Keras that made it."""
    del folder
    source = keras_files.open_source(config(format="keras", factory="users_keras:model"))
    assert source.layers[0]["name"] == "memory"
    assert "keras" in source.versions
    assert not keras_files._is_tf_keras(keras.Sequential())


def test_a_factory_of_something_else(folder: Path, keras: Any) -> None:
    """What it returned is said, and what it should return."""
    del folder, keras
    with pytest.raises(SourceError, match=r"returned a dict; expected a keras\.Model") as caught:
        keras_files.open_source(config(format="keras", factory="users_keras:nothing"))
    assert caught.value.key == ("source", "factory")


def test_a_custom_class_that_is_not_there(folder: Path, keras: Any) -> None:
    """The config's key is named, before anything is loaded."""
    path = folder / "m.keras"
    keras.Sequential([keras.Input((4, 2)), keras.layers.Dense(3)]).save(path)
    asked = config(format="keras", path=str(path), custom_objects={"A": "users_keras:gone"})
    with pytest.raises(SourceError, match=r"source\.custom_objects\.A: cannot import") as caught:
        keras_files.open_source(asked)
    assert caught.value.key == ("source", "custom_objects", "A")


def test_a_model_of_tf_keras() -> None:
    """It is known as one, once tf-keras is imported."""
    load("tensorflow")
    tf_keras = load("tf_keras")
    assert keras_files._is_tf_keras(tf_keras.Sequential())
