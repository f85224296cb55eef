"""`rnnlite init`: a config written from a model file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.cli.init import config_text, format_of
from rnnlite_pipeline.config import load_config
from rnnlite_pipeline.errors import CallError
from tests.fake.project import ROOT

_AUTHOR = """
import sys
from pathlib import Path
from rnnlite_pipeline.sources.environment import load
keras = load("keras")
x = keras.Input((None, 3), name="x")
model = keras.Model(x, keras.layers.LSTM(4, name="lstm")(x))
folder = Path(sys.argv[1])
model.save(folder / "My Model_1.keras")
model.save(folder / "true.h5")
model.export(str(folder / "exported"), verbose=False)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model in three formats."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, "-c", _AUTHOR, str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "case",
    [
        ("My Model_1.keras", "keras", "my-model-1"),
        ("true.h5", "h5", "true"),
        ("exported", "saved_model", "exported"),
    ],
)
def test_written_config_converts(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: tuple[str, str, str],
) -> None:
    """The config of a model is valid, names what the model holds, and converts as it is."""
    file, kind, name = case
    monkeypatch.chdir(tmp_path)
    assert main(["init", str(models / file)]) == 0
    path = Path("configs") / f"{name}.yaml"
    assert str(path) in capfd.readouterr().out
    config = load_config(path)
    assert (config.name, config.source.format) == (name, kind)
    assert "float32 [null, null, 3]" in path.read_text()
    assert path.with_name("schema.json").is_file()
    assert main(["convert", str(path)]) == 0
    model = Path("build") / name / "model.tflite"
    assert main(["init", str(model), "-o", "again.yaml"]) == 0
    assert load_config(Path("again.yaml")).source.format == "tflite"
    assert main(["convert", "again.yaml", "--out", "again"]) == 0


def test_signatures_of_one_file_are_two_models(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two signatures of one SavedModel become configs of two names, in two files."""
    monkeypatch.chdir(tmp_path)
    for signature in ("serving_default", "serve"):
        assert main(["init", str(models / "exported"), "--signature", signature]) == 0
    found = {path.stem: load_config(path) for path in Path("configs").glob("*.yaml")}
    assert {n: (c.name, c.source.signature) for n, c in found.items()} == {
        "exported": ("exported", "serving_default"),
        "exported-serve": ("exported-serve", "serve"),
    }


def test_nothing_is_overwritten(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A config that is there already stays as it is."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("mine")
    assert main(["init", str(models / "true.h5"), "-o", "a.yaml"]) == 2
    assert "a.yaml is there already" in capsys.readouterr().err
    assert Path("a.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("a.pb", b"\n\n", "source.format: graph_def"),
        ("a.txt", b"hello", "Expected a .keras"),
        ("a.pt", b"", "Expected a .keras"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, file: str, content: bytes, says: str) -> None:
    """What does not say what it takes is refused, with what would do."""
    (tmp_path / file).write_bytes(content)
    with pytest.raises(CallError) as refused:
        format_of(tmp_path / file)
    assert says in str(refused.value)


_OWN = """
import keras


class Twice(keras.layers.Layer):
    def call(self, x):
        return x + x
"""

_OWN_AUTHOR = """
import sys
from rnnlite_pipeline.sources.environment import load
keras = load("keras")
from own_layers import Twice
x = keras.Input((None, 3), name="x")
keras.Model(x, keras.layers.LSTM(4)(Twice()(x))).save(sys.argv[1])
"""


def test_layers_of_your_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class that the file needs is asked for, and stands in the config once it is named."""
    (tmp_path / "own_layers.py").write_text(_OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    subprocess.run([sys.executable, "-c", _OWN_AUTHOR, "own.keras"], check=True)
    call = ["init", "own.keras", "-o", "own.yaml"]
    assert main(call) == 1
    assert "--custom-object Twice=your.module:Twice" in capsys.readouterr().err
    assert main([*call, "--custom-object", "Twice"]) == 2
    assert "expected NAME=MODULE:NAME" in capsys.readouterr().err
    assert main([*call, "--custom-object", "Twice=own_layers:Twice"]) == 0
    assert load_config(tmp_path / "own.yaml").source.custom_objects == {"Twice": "own_layers:Twice"}


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path is a wrong call."""
    assert main(["init", "nowhere.keras"]) == 2
    assert "nowhere.keras: no such file or folder" in capsys.readouterr().err


def test_damaged_model_leaves_no_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that cannot be read ends with 1, and no config is written."""
    monkeypatch.chdir(tmp_path)
    Path("a.tflite").write_bytes(b"\x10\0\0\0TFL3" + bytes(40))
    assert main(["init", "a.tflite"]) == 1
    assert "a.tflite" in capsys.readouterr().err
    assert not Path("configs").exists()


@pytest.mark.parametrize("hostile", ["yes: {", "a\n  b: 1", "# '", '"\\', "null", "é 😀", "-", "1"])
def test_any_name_is_quoted(tmp_path: Path, hostile: str) -> None:
    """Names and paths of any characters stand in the config as they are."""
    spec = {"name": hostile, "dtype": "float32", "shape": [None, 2]}
    layer = {"name": hostile, "class": "LSTM", "units": 3}
    told = {"inputs": [spec], "outputs": [spec], "layers": [layer], "states": [hostile]}
    path = tmp_path / "a.yaml"
    source = {"format": "keras", "path": hostile}
    path.write_text(config_text("a", source, told), encoding="utf-8")
    assert load_config(path).source.path == hostile
    path.write_text(path.read_text("utf-8").replace("  # inputs:", "  inputs:"), encoding="utf-8")
    assert dict(load_config(path).source.inputs) == {hostile: (None, 2)}
