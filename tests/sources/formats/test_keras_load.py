"""Files are loaded by their Keras; what that cannot do is said in one sentence."""

from __future__ import annotations

import base64
import json
import marshal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats import keras_load
from rnnlite_pipeline.sources.formats.keras_archive import Archive
from rnnlite_pipeline.sources.formats.keras_load import load_model

PATH = Path("m.keras")
KERAS = SimpleNamespace(__name__="keras", __version__="3.15.1")
TF_KERAS = SimpleNamespace(__name__="tf_keras", __version__="2.21.0")


@pytest.mark.parametrize(
    ("written", "here", "said", "remedy"),
    [
        ("3.16.0", KERAS, "written by Keras 3.16.0; this is Keras 3.15.1, which", "keras>=3.16.0"),
        ("4.0", KERAS, "written by Keras 4.0", "Install keras>=4.0"),
        ("3.15.9", KERAS, "Keras 3.15.1 cannot load m.keras: why", "keras.models.load_model"),
        ("3.9.2", KERAS, "Keras 3.15.1 cannot load", "keras.models.load_model"),
        ("2.4.0", TF_KERAS, "tf-keras 2.21.0 cannot load m.keras, which Keras 2.4.0 wrote: why",
         "tf_keras.models.load_model"),
    ],
)  # fmt: skip
def test_why_a_file_is_not_loaded(written: str, here: Any, said: str, remedy: str) -> None:
    """A newer Keras is named where one wrote it; else what to check."""
    error = keras_load._not_loaded(PATH, Archive(written, {}, False), here, "why")
    assert said in error.message
    assert "why" in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("version", "release"), [("3.15.1", (3, 15)), ("3.16.0.dev1", (3, 16)), ("3.0rc1", (3,))]
)
def test_releases(version: str, release: tuple[int, ...]) -> None:
    """The first two numbers, so that a patch release is no newer Keras."""
    assert keras_load._release(version) == release


def lambdas(code: Any) -> Archive:
    """A file with a Lambda of this code, in base64 where it is bytes."""
    text = base64.b64encode(code).decode() if isinstance(code, bytes) else code
    config = {"name": "twice", "function": {"code": text}, "function_type": "lambda"}
    layer = {"class_name": "Lambda", "config": config}
    return Archive("2.4.0", {}, True, {"class_name": "Sequential", "config": {"layers": [layer]}})


def test_the_code_of_a_lambda_is_of_this_python() -> None:
    """Code of another one cannot be read, and nothing of it is run."""
    keras_load._check_lambdas(PATH, lambdas(marshal.dumps((lambda x: 2 * x).__code__)))
    for code in (b"", b"\xff\xff", marshal.dumps("text"), "no base64 at all", "é"):
        with pytest.raises(SourceError, match=r'Lambda "twice".*another version of Python'):
            keras_load._check_lambdas(PATH, lambdas(code))


@pytest.mark.parametrize(
    ("version", "whole", "found"),
    [("1.2.2", False, "1"), ("1.2.2", True, "1"), ("2.4.0", False, "own"), ("10.0", True, "own")],
)
def test_weights_of_keras_1_say_so(tmp_path: Path, version: str, whole: bool, found: Any) -> None:
    """A copy says version 1, in the group that tf-keras reads; the user's file stays as it is."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        group.attrs["keras_version"] = "own"
    before = path.read_bytes()
    archive = Archive(version, {}, False, {}, path)
    with keras_load._loadable(archive) as weights, h5py.File(weights, "r") as file:
        assert (weights == path) == (found == "own")
        assert (file["model_weights"] if whole else file).attrs["keras_version"] == found
    assert path.read_bytes() == before
    assert weights == path or not weights.exists()


def test_a_file_that_keras_cannot_load(tmp_path: Path, keras: Any) -> None:
    """Keras's first line is in the error, and the rest in the log."""
    path = tmp_path / "m.keras"
    path.write_bytes(b"no zip")
    with pytest.raises(SourceError, match=f"Keras {keras.__version__} cannot load m.keras: "):
        load_model(path, Archive("3.15.0", {}, False), {}, False)


def halves(keras: Any, folder: Path, units: int = 3) -> Archive:
    """A model of Keras 3 in two files."""
    layers = [keras.Input((4, 2)), keras.layers.Dense(units, name="out")]
    model = keras.Sequential(layers)
    weights = folder / f"{units}.weights.h5"
    model.save_weights(weights)
    return Archive("3.15.0", {}, False, json.loads(model.to_json()), weights)


def test_an_architecture_and_its_weights(tmp_path: Path, keras: Any) -> None:
    """They are one model again."""
    archive = halves(keras, tmp_path)
    model = load_model(tmp_path / "m.json", archive, {}, False)
    with h5py.File(str(archive.weights)) as file:
        wanted = np.asarray(file["layers/dense/vars/0"])
    np.testing.assert_array_equal(model.get_layer("out").get_weights()[0], wanted)


def test_weights_of_another_model(tmp_path: Path, keras: Any) -> None:
    """The file that does not fit is named, with the model's."""
    own, other = halves(keras, tmp_path, 3), halves(keras, tmp_path, 4)
    wrong = Archive(own.keras_version, {}, False, own.architecture, other.weights)
    with pytest.raises(SourceError, match=r"weights of 4.weights.h5 do not fit .* m.json: \S"):
        load_model(tmp_path / "m.json", wrong, {}, False)


def test_an_architecture_that_keras_cannot_build(tmp_path: Path, keras: Any) -> None:
    """A class that it does not know is no traceback."""
    own = halves(keras, tmp_path)
    layer = {"class_name": "Gone", "config": {}}
    unknown = {"class_name": "Sequential", "config": {"name": "m", "layers": [layer]}}
    archive = Archive("3.15.0", {}, False, unknown, own.weights)
    with pytest.raises(SourceError, match=r"cannot load m.json: \S"):
        load_model(tmp_path / "m.json", archive, {}, False)
