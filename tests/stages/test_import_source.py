"""The stage import: from a config to source.tflite and source.json, or to one sentence."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.stages.import_source import import_source


def config(path: Path, **source: Any) -> Config:
    """A config of a `.keras` file."""
    values = {"format": "keras", "path": str(path), **source}
    return Config.model_validate({"name": "model", "source": values})


def saved(keras: Any, path: Path, *layers: Any) -> Path:
    """A small saved model with these layers in it."""
    model = keras.Sequential([keras.Input((4, 3), name="x"), *layers])
    model.save(path)
    return path


def test_the_stage_leaves_both_files_whole(keras: Any, tmp_path: Path) -> None:
    """source.json tells interface and layers, and a second import gives the same bytes."""
    path = saved(keras, tmp_path / "m.keras", keras.layers.LSTM(5, name="lstm"))
    import_source(config(path), tmp_path / "one")
    import_source(config(path), tmp_path / "two")
    one, two = (tmp_path / out / ".work" for out in ("one", "two"))
    assert sorted(p.name for p in one.iterdir()) == ["source.json", "source.tflite"]
    for name in ("source.json", "source.tflite"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    told = json.loads((one / "source.json").read_text())
    assert told["inputs"] == [{"name": "x", "dtype": "float32", "shape": [None, 4, 3]}]
    assert told["outputs"] == [{"name": "lstm", "dtype": "float32", "shape": [None, 5]}]
    assert told["layers"][0] == {"name": "lstm", "class": "LSTM", "units": 5}
    assert told["versions"]["keras"] == keras.__version__


def test_a_lambda_runs_only_where_it_is_allowed(keras: Any, tmp_path: Path) -> None:
    """A Lambda layer is refused before it is loaded, with the key that allows it."""
    path = saved(keras, tmp_path / "m.keras", keras.layers.Lambda(lambda x: x * 2, name="twice"))
    with pytest.raises(SourceError, match=r"has a Lambda layer.*\n.*source.allow_lambda: true"):
        open_source(config(path))
    assert open_source(config(path, allow_lambda=True)).outputs[0].name == "twice"


def test_a_custom_class_is_named_with_the_key_to_add(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class of the user's is refused until the config says where it is, beside the config."""
    (tmp_path / "my_scaling.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('Mine')\n"
        "class Scaling(keras.layers.Layer):\n"
        "    def call(self, x): return x * 3.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    scaling = __import__("my_scaling").Scaling
    path = saved(keras, tmp_path / "m.keras", scaling(name="s"))
    monkeypatch.undo()
    sys.modules.pop("my_scaling")
    keras.saving.get_custom_objects().clear()
    with pytest.raises(SourceError, match=r"Scaling.*\n.*custom_objects: \{Scaling: your.module"):
        open_source(config(path))
    monkeypatch.chdir(tmp_path)
    objects = {"Scaling": "my_scaling:Scaling"}
    assert open_source(config(path, custom_objects=objects)).outputs[0].name == "s"
    with pytest.raises(SourceError, match=r"custom_objects.Scaling: cannot import my_scaling:No"):
        open_source(config(path, custom_objects={"Scaling": "my_scaling:No"}))


def test_a_newer_keras_file_that_cannot_be_loaded_says_so(keras: Any, tmp_path: Path) -> None:
    """Where a newer Keras wrote what this one does not know, the remedy is that Keras."""
    path = saved(keras, tmp_path / "m.keras", keras.layers.LSTM(2))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["metadata.json"] = b'{"keras_version": "4.2.0"}'
    members["config.json"] = members["config.json"].replace(b'"LSTM"', b'"LSTM9"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(SourceError, match=r"written by Keras 4.2.0.*\n.*keras>=4.2.0"):
        open_source(config(path))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return keras.Sequential([keras.Input((2,), name='x'), keras.layers.Dense(1)])", ""),
        ("return 3", "returned a int; expected a keras.Model"),
        ("raise OSError('no weights')", "raised OSError: no weights"),
    ],
)
def test_a_factory_builds_the_model_or_is_named(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    """A function beside the config gives the model; what goes wrong in it is its own sentence."""
    del keras
    (tmp_path / "my_factory.py").write_text(f"import keras\ndef build():\n    {body}\n")
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("my_factory", None)
    source = {"format": "keras", "factory": "my_factory:build"}
    built = Config.model_validate({"name": "model", "source": source})
    if said:
        with pytest.raises(SourceError, match=said):
            open_source(built)
    else:
        assert open_source(built).inputs[0].name == "x"
