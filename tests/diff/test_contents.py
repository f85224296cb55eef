"""The parts of a release, a model or a config that are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnlite_pipeline.diff import contents as module
from rnnlite_pipeline.diff.contents import contents_of
from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import zip_bytes
from rnnlite_pipeline.graph.write import write_model
from tests.metadata.described import config, model

VERIFIED = {
    "max_abs_error": 0.5,
    "checks": [
        {"output": "y", "data": "data", "max_abs_error": 0.25},
        {"output": "y", "data": "data", "max_abs_error": 0.5},
        {"output": "y", "data": "zeros", "max_abs_error": 0},
        {"output": "y", "data": "data"},
    ],
    "accuracy": [{"output": "y", "kernels": "default", "litert": 0.9}],
}


def released(**changes: bytes | None) -> bytes:
    """A release; members that are None are left out."""
    members = {
        "model.tflite": write_model(model()),
        "config.yaml": b"name: digits\nquantization: {scheme: none}\n",
        "lock.json": b'{"config.name": "digits", "source": "abc"}',
        "verification.json": json.dumps(VERIFIED).encode(),
        "inspect.json": b'{"recurrences": [{"name": "rows", "units": 4}]}',
    }
    every: dict[str, bytes | None] = {**members, **changes}
    return zip_bytes({name: content for name, content in every.items() if content is not None})


def test_a_model(tmp_path: Path) -> None:
    """Its interface by the signature's names, how many ops, and its size."""
    path = tmp_path / "m.tflite"
    path.write_bytes(write_model(model()))
    found = contents_of(path)
    assert found["interface"] == {
        "inputs.image": "FLOAT32 [-1, 8, 8]",
        "outputs.probabilities": "FLOAT32 [-1, 3]",
    }
    assert found["ops"] == {"RESHAPE": 1, "FULLY_CONNECTED": 1}
    assert found["size"] == {"model": path.stat().st_size, "constants": 3 * 64 * 4 + 8}
    assert found["state"] == {"policy": "not told"}
    assert "config" not in found


def test_a_config(tmp_path: Path) -> None:
    """In its normalized form, with defaults, a line for each value."""
    found = contents_of(config(tmp_path).path)
    assert list(found) == ["config"]
    assert found["config"]["quantization.scheme"] == "none"
    assert found["config"]["metadata.inputs[image].range[1]"] == 1.0


def test_a_release(tmp_path: Path) -> None:
    """The model, its config, its lock without the config, and the worst error of each output."""
    path = tmp_path / "m.zip"
    path.write_bytes(released())
    found = contents_of(path)
    assert found["config"] == {"name": "digits", "quantization.scheme": "none"}
    assert found["lock"] == {"source": "abc"}
    assert found["recurrences"] == {"[rows].name": "rows", "[rows].units": 4}
    assert found["size"]["release"] == path.stat().st_size
    assert found["errors"] == {
        "max_abs_error": 0.5,
        "y on data": 0.5,
        "y on zeros": 0.0,
        "accuracy of y, default kernels": 0.9,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lock.json": None}, "no release of rnnlite: .*lock.json"),
        ({"lock.json": b"[]"}, "lock.json in .* is no JSON object"),
        ({"inspect.json": b"{"}, "inspect.json in .* is no JSON object"),
        ({"config.yaml": b"a: ["}, "config.yaml in .* is no YAML"),
        ({"verification.json": b'{"accuracy": [{}]}'}, "is not as rnnlite writes it"),
    ],
)
def test_a_damaged_release(tmp_path: Path, changes: dict[str, bytes | None], said: str) -> None:
    """The member that is wrong is named."""
    path = tmp_path / "m.zip"
    path.write_bytes(released(**changes))
    with pytest.raises(StageError, match=said):
        contents_of(path)


def test_what_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind of file, none, a zip that is none, and a member that is too large."""
    path = tmp_path / "m.txt"
    with pytest.raises(CallError, match="There is no file"):
        contents_of(path)
    path.write_text("")
    with pytest.raises(CallError, match=r"no release \(\.zip\), model \(\.tflite\) or config"):
        contents_of(path)
    path = tmp_path / "m.zip"
    path.write_bytes(b"PK")
    with pytest.raises(StageError, match="is damaged"):
        contents_of(path)
    path.write_bytes(released())
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(StageError, match=r"model\.tflite in .* is larger than 10 bytes"):
        contents_of(path)
