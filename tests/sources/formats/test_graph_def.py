"""TensorFlow 1 graphs: frozen, as text, with a checkpoint; loops of both kinds of control flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.opening import open_source
from tests.sources.round_trip import config, round_trip, shapes

X = {"x": [None, 7, 3]}
LSTM, RNN = "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"


@pytest.mark.parametrize(
    ("name", "fused"),
    [
        ("lstm", {LSTM: 1}),
        ("basic_lstm", {LSTM: 2}),
        ("basic_rnn", {RNN: 1}),
        ("both_ways", {"BIDIRECTIONAL_SEQUENCE_LSTM": 1}),
        ("static", {LSTM: 1}),
        ("gru", {}),
        ("gathered", {RNN: 1}),
    ],
)
def test_loops_of_control_flow_v1_are_recognised(
    tf1_models: Path, name: str, fused: dict[str, int]
) -> None:
    """Enter, Exit and TensorArrays of a frozen graph become fused ops, or loops that compute it."""
    made = round_trip(
        format="graph_def", path=str(tf1_models / f"{name}.pb"), inputs=X, outputs="y"
    )
    assert shapes(made.source.inputs) == [("x", "float32", (None, 7, 3))]
    assert {code: n for code, n in made.codes.items() if "SEQUENCE" in code} == fused


@pytest.mark.parametrize("path", ["lstm.pbtxt", "lstm.meta", "v2/lstm.pb", "v2/lstm.meta"])
def test_every_kind_of_file_is_the_same_model(tf1_models: Path, path: str) -> None:
    """Text, a checkpoint with its .meta graph, and control flow v2 give one fused op each."""
    asked = {"path": str(tf1_models / path), "inputs": {"x:0": [None, 7, 3]}, "outputs": ["y:0"]}
    made = round_trip(format="graph_def", **asked)
    assert [s.name for s in (*made.source.inputs, *made.source.outputs)] == ["x:0", "y:0"]
    assert made.codes[LSTM] == 1
    assert "WHILE" not in made.codes
    assert list(made.layers) == ["rnn"]


def test_any_tensor_can_be_an_input(tf1_models: Path) -> None:
    """The graph is cut at an inner tensor, and what computes it is left out; pins close a batch."""
    asked: dict[str, Any] = {"inputs": {"transpose": [7, 2, 3]}, "outputs": ["y"]}
    made = round_trip(format="graph_def", path=str(tf1_models / "basic_lstm.pb"), **asked)
    assert shapes(made.source.inputs) == [("transpose", "float32", (7, 2, 3))]
    assert [t.shape for t in made.imported.main.inputs] == [(7, 2, 3)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": {"xx": [None, 7, 3]}}, r'source.inputs.xx names "xx".*mean "x"\?.*\n.*"x"'),
        ({"outputs": ["yy"]}, r'source.outputs names "yy".*Did you mean "y"'),
        ({"outputs": ["y:3"]}, r'"y" has fewer outputs'),
        ({"inputs": {"x": [None, 9, 3]}}, r"pins \"x\" to \[null, 9, 3\], but the model has"),
        ({"path": "cut.pb"}, r"cut.pb is damaged, or no GraphDef"),
        ({"path": "lstm_saved/saved_model.pb"}, r"no GraphDef|cannot import|no tensor"),
        ({"path": "none.pb"}, r"cannot be read: No such file"),
        ({"path": "alone.meta"}, r"no checkpoint beside it: there is no alone.index"),
    ],
)
def test_a_wrong_source_is_one_sentence(
    tf1_models: Path, change: dict[str, Any], said: str
) -> None:
    """A damaged file, a missing part or an unknown tensor is named, with what to do."""
    whole = (tf1_models / "lstm.pb").read_bytes()
    (tf1_models / "cut.pb").write_bytes(whole[: len(whole) // 2])
    (tf1_models / "alone.meta").write_bytes(b"")
    asked = {"path": "lstm.pb", "inputs": X, "outputs": ["y"], **change}
    asked["path"] = str(tf1_models / asked["path"])
    with pytest.raises(SourceError, match=said) as caught:
        open_source(config(format="graph_def", **asked))
    assert caught.value.remedy


def test_a_graph_that_is_not_frozen_is_refused(tf1_models: Path) -> None:
    """Variables without values cannot be converted; the remedy is the checkpoint's graph."""
    v1 = __import__("tensorflow").compat.v1
    with v1.Graph().as_default() as graph:
        x = v1.placeholder(v1.float32, [None, 3], name="x")
        v1.identity(x * v1.get_variable("w", [3]), name="y")
    path = tf1_models / "open.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    asked = config(format="graph_def", path=str(path), inputs={"x": [None, 3]}, outputs=["y"])
    with pytest.raises(SourceError, match=r'has variables, such as "w".*\n.*\.meta'):
        open_source(asked)


def _training_graph(folder: Path) -> Path:
    """A dropout by keep_prob, a switch of training, a scale with a default, a scalar input."""
    v1 = __import__("tensorflow").compat.v1
    with v1.Graph().as_default() as graph:
        x = v1.placeholder(v1.float32, [None, 3], name="x")
        kept = v1.placeholder(v1.float32, name="keep_prob")
        training = v1.placeholder(v1.bool, [], name="is_training")
        rates = v1.placeholder(v1.float32, [3], name="rates")
        scale = v1.placeholder_with_default(v1.constant(2.0), [], name="scale")
        gain = v1.placeholder(v1.float32, [], name="gain")
        y = v1.where(v1.fill(v1.shape(x), training), x / kept * 7.0, x * rates * scale * gain)
        v1.identity(y, name="y")
    (folder / "t.pb").write_bytes(graph.as_graph_def().SerializeToString())
    return folder / "t.pb"


def test_placeholders_become_constants(tmp_path: Path) -> None:
    """A value for each, numbers for a list; a default is taken, and a scalar can be an input."""
    asked: dict[str, Any] = {"inputs": {"x": [None, 3], "gain": []}, "outputs": ["y"]}
    asked["constants"] = {"keep_prob": 1.0, "is_training": False, "rates": (1, 2.5, 3)}
    made = round_trip(format="graph_def", path=str(_training_graph(tmp_path)), **asked)
    assert shapes(made.source.inputs) == [("x", "float32", (None, 3)), ("gain", "float32", ())]
    fed = {"x": np.ones((1, 3), np.float32), "gain": np.full((), 0.5, np.float32)}
    np.testing.assert_allclose(made.source.run(fed)["y"], np.array([[1.0, 2.5, 3.0]]))


@pytest.mark.parametrize(
    ("constants", "said"),
    [
        (
            {"keep_prob": 1.0, "rates": 1.0},
            r'"is_training" \(bool \[\]\).*\n.*{is_training: false}',
        ),
        (
            {"is_training": False, "rates": 1},
            r'"keep_prob" \(float32.*\n.*constants: {keep_prob: 1',
        ),
        ({"keep_prob": 1.0, "is_training": 0.5}, "is_training 0.5, and it is a bool"),
        ({"rates": (1.0, 2.0)}, r"rates \(1.0, 2.0\), and it is a float32 of shape \(3,\)"),
        ({"keep": 1.0}, r'source.constants.keep names "keep".*Did you mean "keep_prob"'),
    ],
)
def test_the_placeholder_that_is_left_is_named(
    tmp_path: Path, constants: dict[str, Any], said: str
) -> None:
    """The error says which it is, and the line to write; a value that does not fit is refused."""
    asked: dict[str, Any] = {"inputs": {"x": [None, 3], "gain": []}, "outputs": ["y"]}
    path = str(_training_graph(tmp_path))
    with pytest.raises(SourceError, match=said):
        open_source(config(format="graph_def", path=path, constants=constants, **asked))


def test_a_checkpoint_of_version_1_is_restored(tmp_path: Path) -> None:
    """One file without .index, as TensorFlow wrote before 0.12."""
    v1 = __import__("tensorflow").compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(v1.float32, [None, 3], name="x")
        weights = v1.get_variable("w", initializer=[1.0, 2.0, 3.0], use_resource=False)
        v1.identity(x * weights, name="y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver(write_version=1).save(session, str(tmp_path / "m"))
    assert not (tmp_path / "m.index").exists()
    asked: dict[str, Any] = {"inputs": {"x": [None, 3]}, "outputs": ["y"]}
    round_trip(format="graph_def", path=str(tmp_path / "m.meta"), **asked)


def test_a_checkpoint_without_all_values_is_refused(tmp_path: Path) -> None:
    """The sentence says which file, or which variable, is missing."""
    v1 = __import__("tensorflow").compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(v1.float32, [None, 3], name="x")
        early = v1.get_variable("early", initializer=[1.0, 2.0, 3.0], use_resource=False)
        saver = v1.train.Saver()
        late = v1.get_variable("late", initializer=[1.0, 2.0, 3.0], use_resource=False)
        v1.identity(x * early * late, name="y")
        session.run(v1.global_variables_initializer())
        saver.save(session, str(tmp_path / "m"))
    asked: dict[str, Any] = {"inputs": {"x": [None, 3]}, "outputs": ["y"]}
    what = config(format="graph_def", path=str(tmp_path / "m.meta"), **asked)
    with pytest.raises(SourceError, match='no value of the variable "late"'):
        open_source(what)
    (tmp_path / "m.data-00000-of-00001").unlink()
    with pytest.raises(SourceError, match=r"of its files \.data-\* there is none"):
        open_source(what)


def test_what_indexes_a_table_through_a_cast_has_its_rows(tmp_path: Path) -> None:
    """Floats that become indices are drawn from the table's rows, so that random data is valid."""
    v1 = __import__("tensorflow").compat.v1
    with v1.Graph().as_default() as graph:
        x = v1.placeholder(v1.float32, [None, 4], name="x")
        table = v1.constant(np.arange(15.0, dtype=np.float32).reshape(5, 3))
        v1.identity(v1.gather(table, v1.cast(v1.reshape(x, [-1]), v1.int32)), name="y")
    (tmp_path / "t.pb").write_bytes(graph.as_graph_def().SerializeToString())
    asked: dict[str, Any] = {"inputs": {"x": [None, 4]}, "outputs": ["y"]}
    source = open_source(config(format="graph_def", path=str(tmp_path / "t.pb"), **asked))
    assert source.limits == {"x": range(5)}
