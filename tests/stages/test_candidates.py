"""The candidates of a search: how each does, what each leaves, and what is taken of that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config.chosen import ANSWERS, CANDIDATES, IN_FLOAT, Chosen
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.graph.ir import Model, Subgraph
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.quantize import Outcome
from rnnlite_pipeline.quantize.search import restored
from rnnlite_pipeline.stages import candidates
from rnnlite_pipeline.stages.candidates import (
    Candidates,
    candidate,
    quantized_layers,
    reference,
)
from rnnlite_pipeline.stages.convert import Conversion
from tests.stages.test_search import _config, folder

__all__ = ["folder"]  # a fixture


def _layers(quantized: Sequence[Outcome], *layers: Layer) -> tuple[str, ...]:
    conversion = Conversion(Model([Subgraph("main")]), layers, tuple(quantized))
    return quantized_layers(conversion)


def _op(name: str, became: str = "int8", inside: str = "") -> Outcome:
    return Outcome(name, "ADD", became, inside=inside)


def test_layers_that_can_be_left_in_float() -> None:
    """By the scope of each quantized op, in their order and once; what is in float is none."""
    found = _layers(
        [_op("dense/MatMul"), _op("out/a/b"), _op("dense/Relu"), _op("kept/x", "float32")]
    )
    assert found == ("dense", "out/a")
    assert _layers([_op("alone")]) == ("alone",)
    assert _layers([]) == ()


def test_the_ops_of_a_recurrent_layer_are_its() -> None:
    """Whatever scope they stand in: by its name or scope, and by the loop that they stand in."""
    lstm = Layer("encoder", None, "WHILE", scope="model/lstm")
    plain = Layer("rnn", None, "WHILE")
    found = _layers(
        [
            _op("model/lstm/while/MatMul"),
            _op("x/y", inside="model/lstm/while_body"),
            _op("model/lstm2/MatMul"),
            _op("rnn"),
            _op("a;rnn/merged"),
        ],
        lstm,
        plain,
    )
    assert found == ("encoder", "model/lstm2", "rnn")


def test_answers_are_stored_whole(tmp_path: Path) -> None:
    """By kernels and name, whatever the names hold; with their types and NaN."""
    answers = {
        "reference": {"y/0": np.array([np.nan, 1], np.float32), "names": np.array([3])},
        "": {"é": np.zeros((0, 2), np.int8)},
    }
    (tmp_path / "answers.npz").write_bytes(candidates._packed(answers))
    found = candidates._unpacked(tmp_path / "answers.npz")
    assert {k: list(outputs) for k, outputs in found.items()} == {
        k: list(outputs) for k, outputs in answers.items()
    }
    for kernels, outputs in answers.items():
        for name, array in outputs.items():
            np.testing.assert_array_equal(found[kernels][name], array, strict=True)
    (tmp_path / "none.npz").write_bytes(candidates._packed({}))
    assert candidates._unpacked(tmp_path / "none.npz") == {}


def _figures(
    real: dict[str, dict[str, Any]], answers: dict[str, dict[str, Any]], **labels: Any
) -> tuple[float, float, float]:
    """Error, accuracy and drop of answers on data with these labels."""
    made = object.__new__(Candidates)
    made._file = Path("test.npz")
    made.__dict__["_data"] = (None, SimpleNamespace(labels=labels))
    return made._figures(real, answers)


ONE, TWO = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1]


def test_the_worst_of_all_kernels_and_outputs() -> None:
    """Of error, accuracy and drop each by itself."""
    real = {"a": {"y": ONE, "z": ONE}, "b": {"y": ONE, "z": ONE}}
    half = np.array([[1, 0], [1, 0]], np.float32)
    answers = {"a": {"y": ONE, "z": ONE * 0.5}, "b": {"y": half, "z": ONE}}
    labels = np.array([0, 1])
    assert _figures(real, answers, y=labels) == (1.0, 0.5, 0.5)
    assert _figures(real, real, y=labels) == (0.0, 1.0, 0.0)
    assert _figures(real, answers, z=labels) == (1.0, 1.0, 0.0)


def test_a_candidate_may_do_better() -> None:
    """Its drop is below zero then; it is measured against the model in float."""
    error, rate, drop = _figures({"a": {"y": TWO}}, {"a": {"y": ONE}}, y=np.array([0, 1]))
    assert (error, rate, drop) == (1.0, 1.0, -1.0)


def test_answers_that_are_not_finite_or_of_another_shape() -> None:
    """Their error is infinite; it is not left out because it cannot be measured."""
    labels = np.array([0, 1])
    broken = np.array([[np.nan, 0], [0, 1]], np.float32)
    assert _figures({"a": {"y": ONE}}, {"a": {"y": broken}}, y=labels)[0] == np.inf
    real = {"a": {"y": ONE, "z": ONE}}
    assert _figures(real, {"a": {"y": ONE, "z": ONE[:1]}}, y=labels)[0] == np.inf


def test_the_error_is_a_part_of_the_scale() -> None:
    """Of an output whose values are large; whole numbers have no scale."""
    real, large = {"a": {"y": ONE * 100}}, {"a": {"y": ONE * 101}}
    assert _figures(real, large, y=np.array([0, 1]))[0] == pytest.approx(0.01)
    whole = {"a": {"y": np.array([0, 1])}}
    assert _figures(whole, {"a": {"y": np.array([0, 3])}}, y=np.array([0, 1]))[0] == 2.0


def test_no_output_that_labels_can_judge() -> None:
    """It is an error that names the key of the config."""
    with pytest.raises(VerificationFailed, match="no output with labels") as told:
        _figures({"a": {"y": ONE}}, {"a": {"y": ONE}})
    assert told.value.key == ("quantization", "scheme")


def test_what_stages_leave_is_taken(folder: Path) -> None:
    """The one in float first, with its answers; a candidate that has none, with its reason."""
    config = _config(folder, "test.npz", 0.0)
    reference(config, folder)
    stored = folder / CANDIDATES / IN_FLOAT.called
    trial = restored(stored.with_suffix(".json").read_bytes())
    assert (trial.scheme, trial.error, trial.drop) == ("none", 0.0, 0.0)
    assert stored.with_suffix(".tflite").stat().st_size == trial.bytes
    assert (folder / ANSWERS).is_file()
    refused = Chosen("float16", ("no such layer",))
    candidate(config, folder, refused)
    path = folder / CANDIDATES / refused.called
    assert restored(path.with_suffix(".json").read_bytes()).reason
    assert not path.with_suffix(".tflite").exists()
    taken = Candidates(config, folder)
    (folder / ".work" / "source.tflite").unlink()  # nothing is converted again
    assert taken.in_float.trial == trial
    assert set(taken.in_float.answers) == {"reference", "default"}
    assert taken.made((refused.scheme, refused.skip)).content == b""
