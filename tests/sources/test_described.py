"""What a model file holds, told by a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.sources.described import config_of, describe_file, described


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A .tflite file: y = -x."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, 3))
    model = extract({"x": x}, {"y": build.unary("NEG", x)}, build.ops)
    (tmp_path / "m.tflite").write_bytes(write_model(model))
    return tmp_path / "m.tflite"


def source(path: Path, **more: Any) -> dict[str, Any]:
    """The keys of `source:`."""
    return {"format": "tflite", "path": str(path), **more}


def test_a_file(path: Path) -> None:
    """Its interface is described; a .tflite file proposes nothing more."""
    found = json.loads(describe_file(json.dumps(source(path))))
    spec = {"name": "x", "dtype": "float32", "shape": [None, 3]}
    assert found["inputs"] == [spec]
    assert found["outputs"] == [{**spec, "name": "y"}]
    assert found["source"] == {}


def test_a_file_that_is_not_there(path: Path) -> None:
    """The error of opening it comes out of its own process, with what to do."""
    with pytest.raises(SourceError, match=r"gone.tflite.*\n  \S"):
        described(source(path.with_name("gone.tflite")))


def test_lists_of_json_are_values_of_a_config() -> None:
    """Shapes, names, and constants that are lists."""
    config = config_of(
        {
            "format": "graph_def",
            "path": "m.pb",
            "inputs": {"x": [None, 3]},
            "outputs": ["y"],
            "constants": {"rates": [0.5, 1.0], "training": False},
        }
    )
    assert dict(config.source.inputs) == {"x": (None, 3)}
    assert config.source.outputs == ("y",)
    assert dict(config.source.constants) == {"rates": (0.5, 1.0), "training": False}


def test_what_is_wrong_is_told(path: Path) -> None:
    """A damaged file, and keys that are no config, are a message; what nobody foresaw is marked."""
    path.write_bytes(b"no model")
    told = json.loads(describe_file(json.dumps(source(path))))
    assert "m.tflite" in told["message"]
    assert "unforeseen" not in told
    told = json.loads(describe_file(json.dumps(source(path, outputs=7))))
    assert told["message"].startswith(f"{path}: ")
    assert told["unforeseen"] is True
