"""The stage search on a model that no scheme of integers takes whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import Chosen
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.report.search import searched
from rnnlite_pipeline.stages.candidates import candidate, reference
from rnnlite_pipeline.stages.search import search

WIDTH, CLASSES, SAMPLES = 64, 8, 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An imported model of two layers, and data.

    Feature 0 is always 0, and its weights in the layer `scores` are so large that in int8 nothing
    is left of the others.
    """
    rng = np.random.default_rng(0)
    small = rng.normal(size=(CLASSES, WIDTH)).astype(np.float32) * 0.01
    small[:, 0] = 1000.0
    x, h, y = (
        Tensor(n, "FLOAT32", (-1, d)) for n, d in (("x", WIDTH), ("mixed", WIDTH), ("scores", 8))
    )
    mixed = Tensor.constant("mixed/kernel", np.eye(WIDTH, dtype=np.float32))
    scores = Tensor.constant("scores/kernel", small)
    ops = [
        make_op("FULLY_CONNECTED", [x, mixed, None], [h]),
        make_op("FULLY_CONNECTED", [h, scores, None], [y]),
    ]
    main = Subgraph("main", [x], [y], ops)
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "source.tflite").write_bytes(write_model(model))
    specs = {
        "inputs": [{"name": "x", "dtype": "float32", "shape": [None, WIDTH]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": [None, CLASSES]}],
    }
    (tmp_path / ".work" / "source.json").write_text(json.dumps(specs))
    features = rng.normal(size=(SAMPLES, WIDTH)).astype(np.float32)
    features[:, 0] = 0.0
    labels = np.argmax(features @ small.T, -1)
    np.savez(tmp_path / "test.npz", x=features, labels=labels)
    np.savez(tmp_path / "unlabelled.npz", x=features)
    return tmp_path


def _config(folder: Path, data: str, most: float) -> Config:
    return Config.model_validate(
        {
            "name": "m",
            "source": {"format": "keras", "path": "m.keras"},
            "quantization": {"scheme": "auto", "max_accuracy_drop": most},
            "verification": {"data": {"path": str(folder / data)}},
        }
    )


def test_the_layer_that_costs_accuracy_stays_float(folder: Path) -> None:
    """All that was tried is in the table, and the smallest model that passes is taken."""
    search(_config(folder, "test.npz", 0.0), folder)
    told = json.loads((folder / "search.json").read_text())
    tried = {(each["scheme"], *each["skip"]): each for each in told["candidates"]}
    assert set(tried) == {
        ("none",),
        ("float16",),
        ("dynamic_range",),
        ("dynamic_range", "mixed"),
        ("dynamic_range", "scores"),
    }
    assert tried["none",]["error"] == 0.0
    assert tried["none",]["accuracy"] == 1.0
    assert tried["dynamic_range",]["drop"] > 0.3
    assert tried["dynamic_range", "mixed"]["drop"] > 0.3
    assert tried["dynamic_range", "scores"]["drop"] == 0.0
    assert tried["dynamic_range", "scores"]["bytes"] < tried["float16",]["bytes"]
    assert all(each["ms"] > 0 for each in tried.values())
    assert told["chosen"] == {"scheme": "dynamic_range", "skip": ["scores"]}
    assert json.loads((folder / ".work" / "chosen.json").read_text()) == told["chosen"]
    shown = searched(told)
    assert shown is not None
    assert str(shown.html).count("taken") == 1


def test_candidates_made_apart_make_the_same_choice(folder: Path) -> None:
    """What is made by stages of their own, in any order, has the same figures and files."""
    config = _config(folder, "test.npz", 0.0)
    search(config, folder)
    choice = (folder / ".work" / "chosen.json").read_bytes()
    told = json.loads((folder / "search.json").read_text())
    reference(config, folder)
    apart = [Chosen(each["scheme"], tuple(each["skip"])) for each in told["candidates"]]
    for chosen in reversed(apart[1:]):
        candidate(config, folder, chosen)
    (folder / ".work" / "source.tflite").unlink()  # it converts nothing now
    search(config, folder)
    assert (folder / ".work" / "chosen.json").read_bytes() == choice
    again = json.loads((folder / "search.json").read_text())
    for each in (*told["candidates"], *again["candidates"]):
        del each["ms"], each["pareto"]  # times differ from run to run
    assert again == told


def test_data_without_labels(folder: Path) -> None:
    """Nothing can be judged, and the error says where the labels were looked for."""
    with pytest.raises(VerificationFailed, match=r"unlabelled\.npz has no labels"):
        search(_config(folder, "unlabelled.npz", 0.0), folder)
    assert not (folder / "search.json").exists()


def test_a_locked_search_has_no_table() -> None:
    """The lock has the choice alone."""
    assert searched({"locked": True}) is None
