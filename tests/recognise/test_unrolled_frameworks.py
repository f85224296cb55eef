"""What Keras and TF1 unroll is rolled up again, and gives their own numbers."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import Model, Signature
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.recognise import recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.passes.sequences import Settings, run_passes

#: The kinds of cells that each model is read as.
EXPECTED = {
    "keras_lstm": ["LSTM"],
    "keras_last_backwards": ["LSTM"],
    "keras_rnn": ["SimpleRNN"],
    "keras_both_ways": ["LSTM", "LSTM"],
    "keras_stacked_cells": ["LSTM", "LSTM"],
    "static_basic": ["LSTM"],
    "static_peepholes": ["LSTM"],
    "static_rnn": ["SimpleRNN"],
    "static_both_ways": ["LSTM", "LSTM"],
    "static_multi": ["LSTM", "LSTM"],
    "static_basic_folded": ["LSTM"],
    "static_peepholes_folded": ["LSTM"],
    "static_rnn_folded": ["SimpleRNN"],
    "static_both_ways_folded": ["LSTM", "LSTM"],
    "static_multi_folded": ["LSTM", "LSTM"],
}


@pytest.fixture(scope="module")
def unrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that the frameworks unrolled."""
    directory = tmp_path_factory.mktemp("unrolled")
    script = Path(__file__).with_name("unrolled_frameworks.py")
    command = [sys.executable, str(script), str(directory)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return directory


def named(path: Path) -> Model:
    """The model with one signature, of input "x" and output "y"."""
    model = read_model(path.read_bytes())
    (x,), (y,) = model.main.inputs, model.main.outputs
    model.signatures = [Signature("run", model.main, {"x": x}, {"y": y})]
    return model


@pytest.mark.parametrize(("name", "kinds"), EXPECTED.items(), ids=str)
def test_rolled_up(unrolled: Path, name: str, kinds: list[str]) -> None:
    """A recurrence that a framework unrolled is read, every product gone, its numbers the same."""
    model = named(unrolled / f"{name}.tflite")
    findings = recognise(model, objection)
    assert [r.cell.kind for f in findings for r in f.recurrences] == kinds
    assert not any(f.reason for f in findings)
    lower(model)
    codes = [op.code for op in model.ops()]
    assert not {"FULLY_CONNECTED", "LOGISTIC"} & set(codes)
    numbers = np.load(unrolled / f"{name}.npz")
    results = Runner(write_model(model), "reference").run({"x": numbers["x"]})
    np.testing.assert_allclose(results["y"], numbers["y"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["static_both_ways", "static_both_ways_folded"])
def test_directions_joined_step_by_step_are_joined_at_once(unrolled: Path, name: str) -> None:
    """No step is unpacked or packed: the pair becomes one op, and what follows has one op each."""
    model = named(unrolled / f"{name}.tflite")
    recognise(model, objection)
    run_passes(model, Settings())
    lower(model)
    codes = Counter(op.code for op in model.ops() if op.outputs[0].dtype == "FLOAT32")
    assert codes["BIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert not {"PACK", "UNPACK", "REVERSE_V2"} & set(codes)
    assert (codes["CONCATENATION"], codes["TANH"], codes["MUL"]) == (1, 1, 1)
    numbers = np.load(unrolled / f"{name}.npz")
    results = Runner(write_model(model), "reference").run({"x": numbers["x"]})
    np.testing.assert_allclose(results["y"], numbers["y"], rtol=0, atol=1e-5)


def test_unrolled_gru_stays(unrolled: Path) -> None:
    """An unrolled GRU stays as it is: it is named, and no loop is put in its place."""
    model = named(unrolled / "keras_gru.tflite")
    before = [op.code for op in model.ops()]
    (finding,) = recognise(model, objection)
    assert finding.reason == "the runtime has no fused GRU op"
    assert [op.code for op in model.ops()] == before
