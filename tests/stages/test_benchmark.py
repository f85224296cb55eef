"""The stage benchmark: what is measured, and what is told of a model that does not run."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.probe import peak_memory
from rnnlite_pipeline.stages.benchmark import Candidate, feed


def _doubling(width: int, code: str = "ADD", **fields: Any) -> bytes:
    """A model of one op, y = x + x."""
    x = Tensor("x", "FLOAT32", (-1, width))
    x = dataclasses.replace(x, **fields)
    y = dataclasses.replace(x, name="y")
    options = {"options_type": "AddOptions"} if code == "ADD" else {"custom": True}
    op = Op(code, [x, x], [y], **options)
    main_graph = Subgraph("main", [x], [y], [op])
    return write_model(
        Model([main_graph], [Signature("serving_default", main_graph, {"x": x}, {"y": y})])
    )


def test_memory_is_the_model_s_own(tmp_path: Path) -> None:
    """A model of larger tensors takes as much more memory; nothing is left in the folder."""
    rows = 2**20
    small, large = (
        peak_memory(tmp_path, _doubling(width), {"x": np.zeros((rows, width), np.float32)})
        for width in (1, 8)
    )
    assert small[1] == large[1] == ""
    assert 7 * 4 * rows <= large[0] - small[0] <= 40 * 4 * rows
    assert not list(tmp_path.iterdir())


def test_model_that_does_not_run_is_told(tmp_path: Path) -> None:
    """An op that the runtime lacks gives a reason, not an error."""
    bytes_taken, reason = peak_memory(
        tmp_path, _doubling(2, "FlexRound"), {"x": np.zeros((1, 2), np.float32)}
    )
    assert bytes_taken == 0
    assert "does not run" in reason
    assert "FlexRound" in reason


def test_feed_fits_the_model() -> None:
    """An input is quantized as the model wants it, and repeated for a larger fixed batch."""
    sample = np.array([[0.5, -1.0, 900.0]], np.float32)
    quantized = _doubling(3, dtype="INT8", quantization=Quantization((0.5,), (1,)))
    fed = feed(Candidate("q", quantized), {"x": sample}, {})["x"]
    assert fed.dtype == np.int8
    assert fed.tolist() == [[2, -1, 127]]
    fixed = _doubling(3, shape=(2, 3))
    fed = feed(Candidate("f", fixed, inputs={"x": "image"}), {"image": sample}, {})["x"]
    assert fed.tolist() == [*sample.tolist(), *sample.tolist()]


_AUTHOR = """
import sys
from rnnlite_pipeline.toolchain import load
keras = load("keras")
x = keras.Input((None, 3), name="x")
keras.Model(x, keras.layers.LSTM(4, name="lstm")(x)).save(sys.argv[1])
"""


def test_benchmark_of_a_keras_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An open length is 100; the stock conversion, by Keras's own road, and the loop are beside it.

    The report shows it all from then on.
    """
    subprocess.run([sys.executable, "-c", _AUTHOR, str(tmp_path / "m.keras")], check=True)
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text("name: m\nsource: {format: keras, path: m.keras}\n")
    assert main(["benchmark", "m.yaml"]) == 0
    told = json.loads(Path("build/m/benchmark.json").read_text())
    assert told["settings"]["inputs"] == {"x": [1, 100, 3]}
    assert set(told["models"]) == {"model.tflite", "stock", "lowering: loop"}
    assert told["models"]["model.tflite"]["ratio"] == 1.0
    assert all(each["ms"]["best"] > 0 for each in told["models"].values())
    assert told["models"]["stock"]["how"] == "from_keras_model, batch 1"
    dearest = max(told["ops"]["parts"], key=lambda row: row["ms"])
    assert (dearest["op"], dearest["layer"]) == ("UNIDIRECTIONAL_SEQUENCE_LSTM", "lstm")
    assert Path("build/m/benchmark.txt").read_text() in capfd.readouterr().out
    assert main(["package", "m.yaml"]) == 0
    report = Path("build/m/report.html").read_text()
    assert "from_keras_model, batch 1" in report
    with zipfile.ZipFile("build/m/dist/m-0.0.0.zip") as bundle:
        released = bundle.read("report.html").decode()
    assert "times differ between machines" in released
    assert "Latency" not in released
    assert not re.search(r"\d (ms|µs)\b", released)
    assert re.search(r"\d (ms|µs)\b", report)
