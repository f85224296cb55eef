"""`rnnlite view`: opens a model in Netron or Model Explorer, with its measured figures.

Model Explorer can show figures on ops ("node data"): for each graph, the id of a node, or the name
of a tensor that the node computes, and the value. Its adapter for .tflite files uses the index of
an op in its graph as the id. Netron cannot show figures.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.cli.configs import found_config
from rnnlite_pipeline.cli.failure import print_json
from rnnlite_pipeline.config import load_config, split_reference
from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model

#: The viewers with their modules. The viewer that can show figures comes first.
VIEWERS = {"model-explorer": "model_explorer", "netron": "netron"}

_INSTALL = "Run `pip install rnnlite[view]`."

#: The colors for errors and times, which get darker, and for noise, which gets lighter.
_MUCH = ({"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#f4a261"})
_NOISE = ({"stop": 0, "bgColor": "#f4a261"}, {"stop": 1, "bgColor": "#ffffff"})


def view(file: Path, build: Path, viewer: str | None = None, *, as_json: bool = False) -> int:
    """Opens a model in the browser, until Ctrl-C.

    Args:
        file: A .tflite file, or a config whose model is converted.
        build: The folder DIR of the builds.
        viewer: A key of `VIEWERS`; if None, the first one that is installed.
        as_json: Whether to print the names of the opened files as JSON.

    Raises:
        CallError: The viewer is not installed, or the model is not converted yet.
        ModelFormatError: The file is not a model.
    """
    model = model_of(file, build)
    content = model.read_bytes()
    graph = read_model(content)
    name = _installed(viewer)
    overlays = []
    for label, overlay in overlays_of(graph, *_measured(model, content)).items():
        path = model.with_name(f"overlay.{label}.json")
        write_atomically(path, json.dumps(overlay, indent=2).encode())
        overlays.append(path)
    if as_json:
        print_json({"model": str(model), "viewer": name, "overlays": [str(p) for p in overlays]})
    else:
        sys.stdout.write(f"{model} in {name}; Ctrl-C ends it\n")
    sys.stdout.flush()
    module = importlib.import_module(VIEWERS[name])
    if name == "netron":
        module.start(str(model))
        module.wait()
        return 0
    config = module.config()
    config.add_model_from_path(str(model))
    for path in overlays:
        config.add_node_data_from_path(str(path))
    module.visualize_from_config(config)
    return 0


def model_of(file: Path, build: Path) -> Path:
    """The .tflite file itself, or the converted model of a config."""
    if file.suffix != ".tflite":
        file = found_config(file)
    if split_reference(file)[0].suffix not in (".yaml", ".yml"):
        return file
    folder = build / load_config(file).name
    for name in ("model.tflite", "model.failed.tflite"):
        if (folder / name).is_file():
            return folder / name
    raise CallError(f"{file} is not converted yet.", f"Run `rnnlite convert {file}` first.")


def overlays_of(
    model: Model, verification: Mapping[str, Any], benchmark: Mapping[str, Any]
) -> dict[str, Any]:
    """The measured figures as Model Explorer's node data, by label; without the empty ones.

    1. `error`: the largest difference from the source, of each output, by tensor.
    2. `noise`: the noise of quantization, as the signal-to-noise ratio in dB, by tensor.
    3. `latency`: the time of each op alone, in microseconds, by node. It includes ops that were
       timed together with it, such as the reset of its state.

    Args:
        model: The model.
        verification: Its verification.json; empty if there is none.
        benchmark: Its benchmark.json; empty if there is none.
    """
    tensors = {name: tensor.name for name, tensor in ports(model, "outputs")}
    errors: dict[str, float] = {}
    for name, error in _errors(verification):
        if name in tensors:
            errors[tensors[name]] = max(error, errors.get(tensors[name], 0.0))
    quantized = verification.get("quantization", {})
    layers = [*quantized.get("worst", ()), *quantized.get("recurrent", ())]
    noise = {each["tensor"]: float(each["snr_db"]) for each in layers}
    timed = benchmark.get("ops", {}).get("parts", ())
    latency = {str(row["index"]): round(1000 * row["ms"], 3) for row in timed if "ms" in row}
    found = {
        "error": _node_data("error", errors, _MUCH),
        "noise": _node_data("noise, dB", noise, _NOISE),
        "latency": _node_data("latency alone, µs", latency, _MUCH),
    }
    graph = model.main.name or "main"
    return {label: {graph: data} for label, data in found.items() if data["results"]}


def _measured(model: Path, content: bytes) -> list[dict[str, Any]]:
    """verification.json and benchmark.json beside a model, each empty if it is of another model."""
    digest = hashlib.sha256(content).hexdigest()
    found = []
    for name in ("verification.json", "benchmark.json"):
        path = model.with_name(name)
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        found.append(told if told.get("model_sha256") == digest else {})
    return found


def _errors(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for check in told.get("checks", ()):
        if "output" in check and "max_abs_error" in check:
            yield check["output"], float(check["max_abs_error"])


def _node_data(name: str, values: Mapping[str, float], gradient: Any) -> dict[str, Any]:
    results = {tensor: {"value": value} for tensor, value in values.items()}
    return {"name": name, "results": results, "gradient": list(gradient)}


def _installed(viewer: str | None) -> str:
    for name in VIEWERS if viewer is None else (viewer,):
        if importlib.util.find_spec(VIEWERS[name]):
            return name
    what = f"{viewer} is" if viewer else "Netron and Model Explorer are"
    raise CallError(f"{what} not installed.", _INSTALL)
