"""`rnnlite view`: which model, in which viewer, with which figures."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.cli.output import OUTPUTS
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model

_VERIFICATION = {
    "checks": [
        {"name": "inputs as in the source", "passed": True},
        {"output": "y", "max_abs_error": 1e-7},
        {"output": "y", "max_abs_error": 3e-6},
    ],
    "quantization": {"worst": [{"tensor": "lstm/out", "snr_db": 31.5}], "recurrent": []},
}
_BENCHMARK = {"ops": {"parts": [{"index": 0, "ms": 0.0125}, {"index": 1, "reason": "odd"}]}}


def _model() -> bytes:
    x, y = (Tensor(name, "FLOAT32", (1, 2)) for name in ("x", "y:0"))
    graph = Subgraph("main", [x], [y], [Op("TANH", [x], [y])])
    return write_model(Model([graph], [Signature("serving_default", graph, {"x": x}, {"y": y})]))


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config and its converted and verified model."""
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text("name: m\nsource: {format: keras, path: m.keras}\n")
    folder = Path("build/m")
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(_model())
    digest = {"model_sha256": hashlib.sha256(_model()).hexdigest()}
    (folder / "verification.json").write_text(json.dumps(_VERIFICATION | digest))
    (folder / "benchmark.json").write_text(json.dumps(_BENCHMARK | digest))
    return folder


def _install(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[tuple[str, Any]]:
    """Viewers that only note what they are asked for."""
    calls: list[tuple[str, Any]] = []

    def note(name: str) -> Any:
        return lambda *a: calls.append((name, *a))

    config = SimpleNamespace(
        add_model_from_path=note("model"), add_node_data_from_path=note("overlay")
    )
    explorer = SimpleNamespace(config=lambda: config, visualize_from_config=note("explorer"))
    netron = SimpleNamespace(start=note("netron"), wait=note("wait"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in names or None)
    monkeypatch.setitem(sys.modules, "model_explorer", explorer)
    monkeypatch.setitem(sys.modules, "netron", netron)
    return calls


def test_model_explorer_gets_the_figures(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest error of each output stands at the tensor that is it; noise at its tensor.

    The time of an op stands at its node, which Model Explorer calls by the op's place.
    """
    calls = _install(monkeypatch, "model_explorer", "netron")
    assert main(["view", "m.yaml"]) == 0
    assert [name for name, *_ in calls] == ["model", *["overlay"] * 3, "explorer"]
    assert calls[0][1] == str(built / "model.tflite")
    overlays = [json.loads(Path(call[1]).read_text())["main"] for call in calls[1:4]]
    assert overlays[0]["results"] == {"y:0": {"value": 3e-6}}
    assert overlays[1]["results"] == {"lstm/out": {"value": 31.5}}
    assert overlays[2]["results"] == {"0": {"value": 12.5}}
    assert overlays[2]["name"] == "latency alone, µs"


def test_figures_of_another_model_are_not_shown(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured before the model was converted anew is not laid over it."""
    calls = _install(monkeypatch, "model_explorer")
    for name in ("verification.json", "benchmark.json"):
        (built / name).write_text(json.dumps({**_VERIFICATION, **_BENCHMARK, "model_sha256": "0"}))
    assert main(["view", "m.yaml"]) == 0
    assert [name for name, *_ in calls] == ["model", "explorer"]


def test_netron_where_asked_for(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Netron shows a model file, and is waited for."""
    calls = _install(monkeypatch, "model_explorer", "netron")
    assert main(["view", str(built / "model.tflite"), "--with", "netron"]) == 0
    assert calls == [("netron", str(built / "model.tflite")), ("wait",)]


def test_json_says_what_is_opened(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--json` the model, the viewer and the files of figures are told, as the schema says."""
    calls = _install(monkeypatch, "model_explorer")
    assert main(["view", "m.yaml", "--json"]) == 0
    told = TypeAdapter(OUTPUTS["view"]).validate_json(capsys.readouterr().out, strict=True)
    assert told["model"] == str(built / "model.tflite")
    assert told["viewer"] == "model-explorer"
    assert told["overlays"] == [call[1] for call in calls if call[0] == "overlay"]
    assert len(told["overlays"]) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["m.yaml"], "Netron and Model Explorer are not installed.\n  Run `pip install"),
        (["m.yaml", "--with", "netron"], "netron is not installed."),
        (["m.yaml", "--out", "other"], "m.yaml is not converted yet."),
    ],
)
@pytest.mark.usefixtures("built")
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    """Without a viewer, or a model, one sentence says what to do."""
    _install(monkeypatch)
    assert main(["view", *words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.usefixtures("built")
def test_damaged_model_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No viewer sees a file that is no model."""
    calls = _install(monkeypatch, "netron")
    Path("bad.tflite").write_bytes(b"\x10\0\0\0TFL3" + bytes(40))
    assert main(["view", "bad.tflite"]) == 1
    assert "error: " in capsys.readouterr().err
    assert calls == []
