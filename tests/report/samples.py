"""Small models, verifications and results for the tests of the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.lower.layer_record import leave_layers, read_layers
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.report.evidence import About, Accuracy, Check, Evidence, Facts


def text(html: str) -> str:
    """What a page says, one blank between words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def labelled(classes: int) -> Evidence:
    """Labels and predictions of two samples a class; the model has one wrong, the source none."""
    labels = np.repeat(np.arange(classes), 2)
    source = np.eye(classes, dtype=np.float32)[labels]
    model = source.copy()
    model[0] = source[2]
    found = Evidence(Facts("m"))
    found.labels["y"], found.profiles["y"] = labels, (source, model)
    rates = 1.0, 1 - 1 / len(labels)
    found.accuracy.append(Accuracy("y", "default", len(labels), *rates))
    return found


def tensor(name: str) -> Tensor:
    """A real value of open batch and length."""
    return Tensor(name, "FLOAT32", (-1, -1, 3))


def chained(codes: list[str], name: str = "image") -> Model:
    """Ops one after the other."""
    values = [tensor(name), *(tensor(f"t{i}") for i in range(len(codes)))]
    options = {"UNIDIRECTIONAL_SEQUENCE_LSTM": {"time_major": False}}
    ops = [
        make_op(c, [values[i]], [values[i + 1]], **options.get(c, {})) for i, c in enumerate(codes)
    ]
    main = Subgraph("main", values[:1], values[-1:], ops)
    signature = Signature("serving_default", main, {name: values[0]}, {"y": values[-1]})
    return Model([main], [signature])


def evidence() -> Evidence:
    """Of a model that passed, but for one check of three."""
    rng = np.random.default_rng(0)
    source = rng.standard_normal((20, 7, 3)).astype(np.float32)
    found = Evidence(Facts("m", model_sha256="ab" * 32, tolerance=1e-5))
    found.facts.versions, found.facts.bytes = {"numpy": "2"}, {"source": 5, "model": 20_000}
    found.facts.ops = {"source": {"WHILE": 1}, "model": {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}}
    found.profiles["y"] = (source, source + np.float32(1e-6))
    for data in ("data", "zeros", "ones"):
        run: dict[str, Any] = {"data": data, "kernels": "default", "output": "y"}
        figures: dict[str, Any] = {"call": 1, "max_abs_error": 1e-6, "limit": 1e-5}
        found.checks.append(Check("equals the source", True, **run, **figures))
        found.checks.append(Check("the second call equals the first", True, **run))
    found.checks.append(Check("gate max_bytes", False, "<20,000> bytes, at most 10 pass"))
    return found


def about(tmp_path: Path) -> About:
    """A model of one LSTM, with hostile text wherever text can be."""
    weights = np.ones((2, 3)), np.ones((2, 2)), np.array([1.0, 0.0])
    gate = Gate(*weights)
    recurrence = Recurrence("rows", Lstm(gate, gate, gate, gate))
    layers = [
        Layer("rows", recurrence, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        Layer("<b>", None, "WHILE", "its <i>state</i> is odd"),
    ]
    leave_layers(tmp_path, layers)
    config = Config.model_validate(
        {
            "name": "m",
            "source": {"format": "keras", "path": "m.keras"},
            "metadata": {"description": "tells <script>alert(1)</script> apart"},
        }
    )
    source = chained(["TRANSPOSE", "WHILE", "RESHAPE", "SOFTMAX"])
    model = chained(["UNIDIRECTIONAL_SEQUENCE_LSTM", "SOFTMAX"])
    return About(config, source, model, read_layers(tmp_path), {"the source": "cd" * 32})
