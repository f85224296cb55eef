"""SavedModels of Keras 3, tf-keras, tf.Module and TensorFlow 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.toolchain import load
from tests.fake.project import ROOT
from tests.sources.round_trip import config, round_trip, shapes

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
FIXTURES = ROOT.parent / "shared" / "fixtures"


def test_keras_3_exports_are_recognised(keras: Any, tmp_path: Path) -> None:
    """Two inputs and outputs under the names of the signature, open batch and length."""
    layers = keras.layers
    a, b = keras.Input((None, 3), name="a"), keras.Input((5, 2), name="b")
    results = [layers.LSTM(4, return_sequences=True)(a), layers.Bidirectional(layers.LSTM(2))(b)]
    keras.Model([b, a], results).export(str(tmp_path / "m"), verbose=False)
    made = round_trip(format="saved_model", path=str(tmp_path / "m"))
    assert shapes(made.source.inputs) == [
        ("a", "float32", (None, None, 3)),
        ("b", "float32", (None, 5, 2)),
    ]
    assert shapes(made.source.outputs) == [
        ("output_0", "float32", (None, None, 4)),
        ("output_1", "float32", (None, 4)),
    ]
    assert made.codes[LSTM] == made.codes["BIDIRECTIONAL_SEQUENCE_LSTM"] == 1


@pytest.mark.parametrize("export", ["export", "save"])
def test_tf_keras_exports_are_recognised(tmp_path: Path, export: str) -> None:
    """Both ways that tf-keras writes a SavedModel, which keeps replaceable functions."""
    load("tensorflow")
    tf_keras = load("tf_keras")
    model = tf_keras.Sequential([tf_keras.Input((6, 3), name="x"), tf_keras.layers.LSTM(4)])
    getattr(model, export)(str(tmp_path / "m"))
    made = round_trip(format="saved_model", path=str(tmp_path / "m"), inputs={"x": [2, 6, 3]})
    assert made.source.inputs[0].shape == (2, 6, 3)
    assert made.codes[LSTM] == 1


def test_pins_reach_what_stands_behind_a_loop(keras: Any, tmp_path: Path) -> None:
    """A loop was saved with an open batch: the outputs of the pinned model are closed all the same.

    Runtimes that take closed sizes alone refused such a model.
    """
    x = keras.Input((6, 3), name="x")
    keras.Model(x, keras.layers.LSTM(4, return_sequences=True)(x)).export(
        str(tmp_path / "m"), verbose=False
    )
    made = round_trip(format="saved_model", path=str(tmp_path / "m"), inputs={"x": [2, 6, 3]})
    assert made.source.outputs[0].shape == (2, 6, 4)
    assert made.imported.main.outputs[0].shape == made.model.main.outputs[0].shape == (2, 6, 4)


def test_pins_close_no_size_that_the_numbers_decide(tmp_path: Path) -> None:
    """How many numbers are positive is not known from the shape of the input; a sum's shape is."""
    tf = load("tensorflow")

    def chosen(x: Any) -> Any:
        total = tf.while_loop(lambda k, _: k < 3, lambda k, s: (k + 1, s + x), (0, x * 0.0))[1]
        return {"many": tf.boolean_mask(x, x > 0.5), "total": total}

    module = tf.Module()
    module.f = tf.function(chosen, input_signature=[tf.TensorSpec([None], name="x")])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    source = open_source(config(format="saved_model", path=str(tmp_path / "m"), inputs={"x": [5]}))
    assert {spec.name: spec.shape for spec in source.outputs} == {"many": (None,), "total": (5,)}


def test_a_pinned_model_that_assigns_is_not_run_when_it_is_opened(tmp_path: Path) -> None:
    """Its first state is still the one it was saved with."""
    tf = load("tensorflow")
    module = tf.Module()
    module.total = tf.Variable(tf.zeros([1, 2]))

    def add(x: Any) -> Any:
        return {"y": module.total.assign_add(tf.reduce_sum(x, 0, keepdims=True))}

    module.f = tf.function(add, input_signature=[tf.TensorSpec([None, 2], name="x")])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    asked = config(format="saved_model", path=str(tmp_path / "m"), inputs={"x": [3, 2]})
    found = open_source(asked).run({"x": np.ones((3, 2), "f")})["y"]
    np.testing.assert_array_equal(found, [[3, 3]])


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tf.Module with variables, three signatures, none of the default name."""
    tf = load("tensorflow")

    plain = tf.Module()
    plain.w = tf.Variable(np.eye(3, dtype="f") * 2)

    def many(first: Any, second: Any) -> Any:
        return {f"output_{i}": first @ plain.w + i * second for i in range(11)}

    x, words = tf.TensorSpec([None, 3], name="x"), tf.TensorSpec(None, tf.string, name="s")
    pair = [tf.TensorSpec([None, 3], name=n) for n in "dc"]
    named = {
        "double": tf.function(lambda x: {"y": x @ plain.w}, input_signature=[x]),
        "many": tf.function(many, input_signature=pair),
        "words": tf.function(lambda s: {"y": tf.strings.length(s)}, input_signature=[words]),
    }
    path = tmp_path_factory.mktemp("plain") / "m"
    tf.saved_model.save(plain, str(path), signatures=named)
    return path


def test_the_config_chooses_among_signatures(signatures: Path) -> None:
    """The chosen one is converted, its names in a person's order, its variables inside."""
    made = round_trip(format="saved_model", path=str(signatures), signature="many")
    assert [s.name for s in made.source.inputs] == ["c", "d"]
    assert [s.name for s in made.source.outputs] == [f"output_{i}" for i in range(11)]
    one = open_source(config(format="saved_model", path=str(signatures), signature="double"))
    np.testing.assert_array_equal(one.run({"x": np.ones((1, 3), "f")})["y"], [[2, 2, 2]])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, r'several signatures, none called serving_default.\n.*"double", "many", "words"'),
        ({"signature": "duble"}, r'no signature "duble". Did you mean "double"\?\n.*"many"'),
        ({"signature": "words"}, r'The shape of "s" is unknown|"s" is of dtype string'),
        ({"signature": "double", "inputs": {"z": [1, 3]}}, r'names "z", but the model\'s inputs'),
        ({"signature": "double", "inputs": {"x": [1, 4]}}, r"pins \"x\" to \[1, 4\]"),
    ],
)
def test_a_wrong_signature_is_one_sentence(
    signatures: Path, asked: dict[str, Any], said: str
) -> None:
    """What the config asks for and the model has not is named, with what there is."""
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="saved_model", path=str(signatures), **asked))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (("saved_model.pb", 0), "is no SavedModel: saved_model.pb cannot be read"),
        (("saved_model.pb", 100), "damaged, or no SavedModel|no graph for serving"),
        (("variables/variables.index", 0), "TensorFlow cannot load"),
        (("variables/variables.data-00000-of-00001", 10), "TensorFlow cannot load"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_damaged_folder_is_one_sentence(
    request: pytest.FixtureRequest, tmp_path: Path, version: int, damage: Any, said: str
) -> None:
    """A missing or truncated part, of a SavedModel of either TensorFlow."""
    fixture = request.getfixturevalue("tf1_models" if version == 1 else "signatures")
    source = fixture / "lstm_saved" if version == 1 else fixture
    (name, length), copy = damage, tmp_path / "m"
    for file in source.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    whole = (copy / name).read_bytes()
    (copy / name).unlink()
    if length:
        (copy / name).write_bytes(whole[:length])
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="saved_model", path=str(copy)))
    assert caught.value.remedy


@pytest.mark.parametrize("folder", ["lstm_saved", "v2/lstm_saved"])
def test_tensorflow_1_s_are_recognised(tf1_models: Path, folder: str) -> None:
    """Variables of a session, and loops of both kinds of control flow."""
    made = round_trip(format="saved_model", path=str(tf1_models / folder))
    assert [s.name for s in (*made.source.inputs, *made.source.outputs)] == ["x", "y"]
    assert made.codes[LSTM] == 1
    assert list(made.layers) == ["rnn"]


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} with lingvo's cells is not there")
@pytest.mark.parametrize(
    "name", ["lingvo_lstm_cell_simple", "lingvo_layer_normalized_lstm_cell_simple"]
)
def test_lingvo_s_cells_run_as_recorded(name: str) -> None:
    """Real lingvo cells: the oracle gives the recorded numbers, and so does LiteRT."""
    folder = FIXTURES / name
    made = round_trip(format="saved_model", path=str(folder / "saved_model"))
    assert shapes(made.source.inputs) == [("x", "float32", (None, 6, 3))]
    with np.load(folder / "golden.npz") as golden:
        found = made.source.run({"x": golden["x"]})
        np.testing.assert_allclose(found["y"], golden["y"], atol=1e-6)


def test_an_input_of_a_signature_can_be_a_constant(tmp_path: Path) -> None:
    """source.constants takes it off the interface, whichever TensorFlow wrote the model."""
    tf = load("tensorflow")

    class Module(tf.Module):  # type: ignore[misc,name-defined]
        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([None, 3], name="x"), tf.TensorSpec([], name="gain")]
        )
        def __call__(self, x: Any, gain: Any) -> Any:
            return {"y": x * gain}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "new"), signatures=module.__call__)
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x, gain = v1.placeholder(tf.float32, [None, 3]), v1.placeholder(tf.float32, [])
        v1.saved_model.simple_save(
            session, str(tmp_path / "old"), {"x": x, "gain": gain}, {"y": x * gain}
        )
    for name in ("new", "old"):
        asked = {"path": str(tmp_path / name), "constants": {"gain": 3.0}}
        made = round_trip(format="saved_model", **asked)
        assert shapes(made.source.inputs) == [("x", "float32", (None, 3))]
        found = made.source.run({"x": np.ones((1, 3), np.float32)})
        np.testing.assert_array_equal(found["y"], [[3.0] * 3])
        with pytest.raises(SourceError, match=r"source\.constants"):
            open_source(config(format="saved_model", path=asked["path"], constants={"gian": 1.0}))
