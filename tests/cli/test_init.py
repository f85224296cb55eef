"""`rnnlite init`: a config written from a model file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.cli.init import config_text, format_of
from rnnlite_pipeline.cli.output import OUTPUTS
from rnnlite_pipeline.config import load_config
from rnnlite_pipeline.errors import CallError
from tests.fake.project import ROOT

_AUTHOR = """
import sys
from pathlib import Path
from rnnlite_pipeline.toolchain import load
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
    capfd.readouterr()
    assert main(["init", str(model), "-o", "again.yaml", "--json"]) == 0
    told = TypeAdapter(OUTPUTS["init"]).validate_json(capfd.readouterr().out, strict=True)
    assert [each["path"] for each in told["files"]] == ["again.yaml", "schema.json"]
    assert told["files"][0]["bytes"] == Path("again.yaml").stat().st_size
    assert load_config(Path("again.yaml")).source.format == "tflite"
    assert main(["convert", "again.yaml", "--out", "again"]) == 0


_GRAPHS = """
import sys
from pathlib import Path
from rnnlite_pipeline.toolchain import load
tf = load("tensorflow")
v1, folder = tf.compat.v1, Path(sys.argv[1])
v1.disable_v2_behavior()
x = v1.placeholder(tf.float32, [None, 6], name="x")
keep = v1.placeholder(tf.float32, name="keep_prob")
labels = v1.placeholder(tf.float32, [None, 4], name="labels")
w = v1.get_variable("w", [6, 4])
y = tf.nn.softmax(v1.matmul(x, w) / keep, name="y")
loss = tf.reduce_mean((y - labels) ** 2, name="loss")
v1.train.GradientDescentOptimizer(0.1).minimize(loss)
v1.summary.scalar("loss", loss)
with v1.Session() as session:
    session.run(v1.global_variables_initializer())
    v1.train.Saver().save(session, str(folder / "trained"))
    graph = session.graph.as_graph_def()
    frozen = v1.graph_util.convert_variables_to_constants(session, graph, ["y"])
    (folder / "frozen.pb").write_bytes(frozen.SerializeToString())
"""


@pytest.mark.parametrize("file", ["frozen.pb", "trained.meta"])
def test_a_graph_s_inputs_and_outputs_are_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Placeholders of a graph, and its end before labels come in; a switch is a constant."""
    subprocess.run([sys.executable, "-c", _GRAPHS, str(tmp_path)], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    assert main(["init", file, "-o", "a.yaml"]) == 0
    source = load_config(Path("a.yaml")).source
    assert (dict(source.inputs), source.outputs) == ({"x": (None, 6)}, ("y",))
    assert dict(source.constants) == {"keep_prob": 1.0}
    assert main(["convert", "a.yaml"]) == 0


_SOUNDS = """
import sys
from pathlib import Path
from rnnlite_pipeline.toolchain import load
tf = load("tensorflow")
v1, folder = tf.compat.v1, Path(sys.argv[1])
with v1.Graph().as_default() as graph:
    wav = v1.placeholder(tf.string, [], name="wav_data")
    sound = tf.audio.decode_wav(wav, desired_channels=1, desired_samples=16000, name="decoded")
    spectrum = tf.raw_ops.AudioSpectrogram(
        input=sound.audio, window_size=640, stride=640, magnitude_squared=True)
    found = tf.raw_ops.Mfcc(
        spectrogram=spectrum, sample_rate=sound.sample_rate, dct_coefficient_count=10, name="Mfcc")
    dropped = v1.placeholder_with_default(False, [], name="learning")
    phase = v1.placeholder(tf.bool, [], name="phase")
    tf.cond(phase, lambda: tf.constant(1.0), lambda: tf.constant(0.0), name="unread")
    tf.nn.softmax(tf.reshape(found, [-1, 250]), name="y")
(folder / "sound.pb").write_bytes(graph.as_graph_def().SerializeToString())
with v1.Graph().as_default() as graph:
    x = v1.placeholder(tf.float32, name="x")
    tf.identity(tf.reshape(x, [-1, 7, 3]), name="y")
(folder / "open.pb").write_bytes(graph.as_graph_def().SerializeToString())
"""


def test_a_graph_that_reads_sound_is_converted_behind_its_spectrum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Strings and spectra are no input; switches alone make no output; a shape must be known."""
    subprocess.run([sys.executable, "-c", _SOUNDS, str(tmp_path)], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "sound.pb", "-o", "a.yaml"]) == 0
    source = load_config(Path("a.yaml")).source
    assert (dict(source.inputs), source.outputs) == ({"Mfcc": (1, 25, 10)}, ("y",))
    assert not source.constants
    assert main(["init", "open.pb", "-o", "b.yaml"]) == 1
    said = capsys.readouterr().err
    assert 'does not say the shape of its input "x"' in said
    assert "source.inputs: {x: [null, STEPS, FEATURES]}" in said


_HALVES = """
import sys
from pathlib import Path
from rnnlite_pipeline.toolchain import load
load("tensorflow")
keras, folder = load("tf_keras"), Path(sys.argv[1])
for units in (3, 4):
    layers = [keras.layers.Input((6, 2)), keras.layers.LSTM(units, name=f"lstm{units}")]
    model = keras.Sequential(layers)
    (folder / f"m{units}.json").write_text(model.to_json())
    model.save_weights(folder / f"w{units}.h5")
"""


def test_architecture_and_weights_find_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The half that names the same layers, of several the one named alike; alone, an error."""
    subprocess.run([sys.executable, "-c", _HALVES, str(tmp_path)], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    for number, file in enumerate(("m3.json", "w3.h5")):
        assert main(["init", file, "-o", f"{number}.yaml"]) == 0
        source = load_config(Path(f"{number}.yaml")).source
        assert (source.path, source.weights) == ("m3.json", "w3.h5")
    for beside in ("a-big-weights.h5", "a-small-weights.h5"):
        Path(beside).write_bytes(Path("w3.h5").read_bytes())
    Path("a-small-architecture.json").write_bytes(Path("m3.json").read_bytes())
    assert main(["init", "a-small-architecture.json", "-o", "d.yaml"]) == 0
    assert load_config(Path("d.yaml")).source.weights == "a-small-weights.h5"
    Path("w4.h5").unlink()
    assert main(["init", "m4.json", "-o", "c.yaml"]) == 1
    assert "source.weights" in capsys.readouterr().err


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
from rnnlite_pipeline.toolchain import load
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
    assert dict(load_config(path).source.inputs) == {hostile: (1, 2)}
