"""Files of Keras 2 and tf-keras, and H5 files of Keras 3."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.toolchain import load
from tests.sources.round_trip import config, round_trip, shapes

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
Layers = Callable[[Any], list[Any]]


@pytest.fixture(scope="module")
def tf_keras() -> Any:
    """tf-keras, in the environment that every import of a source runs in."""
    load("tensorflow")
    return load("tf_keras")


def sequential(keras: Any, *layers: Any, shape: tuple[int | None, ...] = (6, 3)) -> Any:
    """A model of an input x and these layers."""
    return keras.Sequential([keras.layers.Input(shape, name="x"), *layers], name="outer")


@pytest.mark.parametrize(
    ("layers", "fused"),
    [
        (lambda k: [k.LSTM(4, return_sequences=True), k.LSTM(3)], {LSTM: 2}),
        (lambda k: [k.LSTM(4, time_major=True, return_sequences=True)], {LSTM: 1}),
        (lambda k: [k.LSTM(4, unroll=True)], {LSTM: 1}),
        (lambda k: [k.Bidirectional(k.LSTM(4))], {"BIDIRECTIONAL_SEQUENCE_LSTM": 1}),
        (lambda k: [k.SimpleRNN(4)], {"UNIDIRECTIONAL_SEQUENCE_RNN": 1}),
        (lambda k: [k.GRU(4), k.Dense(2)], {}),
    ],
    ids=["stacked", "time_major", "unroll", "bidirectional", "simple", "gru"],
)
def test_layers_of_keras_2_are_recognised(
    tf_keras: Any, tmp_path: Path, layers: Layers, fused: dict[str, int]
) -> None:
    """The loop inside a replaceable function is read, whatever implementation it would choose."""
    path = tmp_path / "m.h5"
    sequential(tf_keras, *layers(tf_keras.layers)).save(path)
    made = round_trip(format="h5", path=str(path))
    assert {code: n for code, n in made.codes.items() if "SEQUENCE" in code} == fused


def test_an_output_that_is_a_state_too_keeps_its_name(tf_keras: Any, tmp_path: Path) -> None:
    """The last output of an LSTM is its last state: the model gives both, each by its name."""
    x = tf_keras.layers.Input((6, 3), name="x")
    tf_keras.Model(x, tf_keras.layers.LSTM(4, return_state=True)(x)).save(tmp_path / "m.h5")
    made = round_trip(format="h5", path=str(tmp_path / "m.h5"))
    names = [spec.name for spec in made.source.outputs]
    assert [tensor.name for tensor in made.model.main.outputs] == names
    assert len(set(made.model.main.outputs)) == len(names) == 3


def test_the_interface_and_the_layers_are_the_source_s(tf_keras: Any, tmp_path: Path) -> None:
    """Two inputs and outputs keep name and order; layers are called as their author called them."""
    layers = tf_keras.layers
    a, b = layers.Input((None, 3), name="a"), layers.Input((2,), batch_size=None, name="b")
    results = [layers.Dense(2, name="d")(b), layers.LSTM(3, name="my_lstm")(a)]
    tf_keras.Model([b, a], results).save(tmp_path / "m.h5")
    made = round_trip(format="h5", path=str(tmp_path / "m.h5"))
    assert shapes(made.source.inputs) == [
        ("b", "float32", (None, 2)),
        ("a", "float32", (None, None, 3)),
    ]
    assert shapes(made.source.outputs) == [
        ("d", "float32", (None, 2)),
        ("my_lstm", "float32", (None, 3)),
    ]
    assert {name.rsplit("/")[-1]: op for name, op in made.layers.items()} == {"my_lstm": LSTM}
    assert {"name": "my_lstm", "class": "LSTM", "units": 3} in made.source.layers
    assert made.source.versions["tf-keras"] == tf_keras.__version__


def test_a_keras_file_is_opened_by_the_keras_that_wrote_it(tf_keras: Any, tmp_path: Path) -> None:
    """A .keras file of tf-keras and an H5 file of Keras 3: the content decides, not the format."""
    keras = load("keras")
    sequential(tf_keras, tf_keras.layers.LSTM(3)).save(tmp_path / "old.keras")
    sequential(keras, keras.layers.LSTM(3)).save(tmp_path / "new.h5")
    old = open_source(config(format="keras", path=str(tmp_path / "old.keras")))
    assert "tf-keras" in old.versions
    new = round_trip(format="h5", path=str(tmp_path / "new.h5"))
    assert "keras" in new.source.versions
    assert new.codes[LSTM] == 1


def test_the_oracle_is_keras_2_itself(tf_keras: Any, tmp_path: Path) -> None:
    """`run` gives what the model gives when called in inference."""
    model = sequential(tf_keras, tf_keras.layers.GRU(3), tf_keras.layers.Dropout(0.5))
    model.save(tmp_path / "m.h5")
    x = np.random.default_rng(0).standard_normal((2, 6, 3)).astype("f")
    found = open_source(config(format="h5", path=str(tmp_path / "m.h5"))).run({"x": x})
    np.testing.assert_allclose(found["dropout"], model(x, training=False), atol=1e-7)


def test_indices_have_their_embedding_s_limit(tf_keras: Any, tmp_path: Path) -> None:
    """An input that an Embedding reads is known to hold indices, though it is of floats."""
    sequential(tf_keras, tf_keras.layers.Embedding(7, 2), shape=(None,)).save(tmp_path / "m.h5")
    assert open_source(config(format="h5", path=str(tmp_path / "m.h5"))).limits == {"x": range(7)}


def test_custom_classes_come_from_the_config(
    tf_keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class of the user's, beside the config, is refused until it is named."""
    (tmp_path / "my_old_layers.py").write_text(
        "import tf_keras\n"
        "class Scaling(tf_keras.layers.Layer):\n"
        "    def call(self, x): return x * 3.0\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scaling = __import__("my_old_layers").Scaling
    sequential(tf_keras, scaling(name="s")).save(tmp_path / "m.h5")
    sys.modules.pop("my_old_layers")
    with pytest.raises(SourceError, match=r"Scaling.*\n.*source.custom_objects"):
        open_source(config(format="h5", path="m.h5"))
    named = {"Scaling": "my_old_layers:Scaling"}
    opened = open_source(config(format="h5", path="m.h5", custom_objects=named))
    assert opened.run({"x": np.ones((1, 6, 3), "f")})["s"].max() == 3.0


def test_a_lambda_runs_only_where_it_is_allowed(tf_keras: Any, tmp_path: Path) -> None:
    """The code in a Lambda is not loaded unless the config allows it."""
    sequential(tf_keras, tf_keras.layers.Lambda(lambda x: x * 2, name="l")).save(tmp_path / "m.h5")
    path = str(tmp_path / "m.h5")
    with pytest.raises(SourceError, match=r"has a Lambda layer.*\n.*allow_lambda: true"):
        open_source(config(format="h5", path=path))
    assert open_source(config(format="h5", path=path, allow_lambda=True)).outputs[0].name == "l"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def _text(path: Path) -> None:
    path.write_text("hello")


def _gone(path: Path) -> None:
    path.unlink()


def _weights_only(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]


def _bad_config(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = '{"class_name": "Seq'


def _linked(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["model_weights/other"] = h5py.ExternalLink("/etc/hostname", "/")


def _outside(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_dataset("far", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def _huge(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_dataset("huge", (2**31,), "f4", chunks=(1024,))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_cut, "no H5 file, or it was cut short"),
        (_text, "no H5 file, or it was cut short"),
        (_gone, "cannot be read: No such file or directory"),
        (_weights_only, "holds weights only"),
        (_bad_config, "its config cannot be read"),
        (_linked, "has a link, /model_weights/other; links are not followed"),
        (_outside, "keeps far in another file"),
        (_huge, "says that it holds 8,589,9"),
    ],
)
def test_a_wrong_file_is_one_sentence(
    tf_keras: Any, tmp_path: Path, change: Callable[[Path], None], said: str
) -> None:
    """Damaged, incomplete and hostile files are refused before Keras loads them."""
    path = tmp_path / "m.h5"
    sequential(tf_keras, tf_keras.layers.LSTM(2)).save(path)
    change(path)
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="h5", path=str(path)))
    assert caught.value.remedy
