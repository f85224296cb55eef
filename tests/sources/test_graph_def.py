"""TensorFlow 1 graphs: frozen, as text, with a checkpoint; loops of both kinds of control flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources import open_source
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
