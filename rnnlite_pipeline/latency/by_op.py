"""Times the parts of a model, each alone, in a process of its own.

What is timed is the call of the interpreter, without feeding it and without reading what it gives,
less that of a model without ops; a figure is the median of the rounds (`timing.py`), the whole
model timed beside its parts.

Alone, an op finds its weights in the cache, and a delegate cannot join it to its neighbours: the
sum of the parts is near the whole, not equal to it. Both are told.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.child import run_apart, tell
from rnnlite_pipeline.compare.distance import compare, identical, relative
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.edit import ensure_signature, ports
from rnnlite_pipeline.graph.extract import extract, giving
from rnnlite_pipeline.graph.ir import NUMPY, Model, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.cut import Part, parts
from rnnlite_pipeline.latency.rows import rows
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import timed
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.steps import step

#: How far a part's outputs may be from the recorded ones, relative to the largest of them; of
#: quantized ones, in steps.
DIFFERENCE, STEPS = 1e-3, 2

_MODULE = "rnnlite_pipeline.latency.by_op"


def by_op(
    folder: Path,
    content: bytes,
    inputs: Mapping[str, Array],
    layers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What each part of a model takes, one thread, default delegate.

    Args:
        folder: Where files may be written; nothing is left.
        content: The .tflite file.
        inputs: What it runs on.
        layers: The recurrent layers, as convert left them.

    Returns:
        "parts", the rows of `rows` with "ms" and "share" of the sum, or the "reason" why there
        is none; "sum_ms" and "whole_ms". Only a "reason" where nothing could be timed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        path, arrays = Path(beside) / "model.tflite", Path(beside) / "inputs.npz"
        path.write_bytes(content)
        np.savez(arrays, *inputs.values())
        told, why = run_apart(_MODULE, [str(path), str(arrays), json.dumps(list(inputs))])
    if why:
        return {"reason": f"the process that times single ops {why}"}
    measured: dict[str, Any] = json.loads(told)
    if "reason" in measured:
        return measured
    total = sum(each.get("ms", 0.0) for each in measured["parts"])
    found = rows(read_model(content), layers)
    measured_rows = [
        row | each | ({"share": round(each["ms"] / total, 4)} if total and "ms" in each else {})
        for row, each in zip(found, measured["parts"], strict=True)
    ]
    return {"parts": measured_rows, "sum_ms": round(total, 6), "whole_ms": measured["whole_ms"]}


def recorded(model: Model, inputs: Mapping[str, Array], cut: Sequence[Part]) -> dict[Tensor, Array]:
    """Every value that goes into a part or comes out of one, in a call of the whole model.

    Raises:
        StageError: The model does not run.
    """
    fed = {tensor: inputs[name] for name, tensor in ports(model, "inputs")}
    between = dict.fromkeys(t for part in cut for t in (*part.inputs, *part.outputs))
    computed = [t for t in between if t not in fed and t.dtype in NUMPY]
    results = Runner(write_model(giving(model, computed))).run(inputs)
    return {**fed, **{t: results[f"value_{k}"] for k, t in enumerate(computed)}}


def prepared(part: Part, values: Mapping[Tensor, Array]) -> Runner:
    """A part that has run once, and gave what it gave in the model.

    Raises:
        StageError: It cannot be fed, does not run, or gives something else.
    """
    if missing := [t for t in part.inputs if t not in values]:
        raise StageError(f"nothing can feed a value of type {missing[0].dtype}")
    runner = Runner(write_model(part.model()))
    results = runner.run({f"input_{k}": values[t] for k, t in enumerate(part.inputs)})
    for k, tensor in enumerate(part.outputs):
        if not _alike(results[f"output_{k}"], values[tensor], tensor):
            raise StageError("alone it gives other numbers than in the model")
    return runner


def _alike(found: Array, expected: Array, tensor: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    if tensor.quantization and tensor.quantization.scale:
        return compare(expected, found).error <= STEPS
    if found.dtype.kind != "f":
        return identical(found, expected)
    return relative(expected, found) <= DIFFERENCE


def _measured(path: Path, arrays: Path, names: Sequence[str]) -> str:
    """As `by_op`, in its process: milliseconds of the whole, and of each part or why not."""
    content = path.read_bytes()
    with np.load(arrays, allow_pickle=False) as file:
        inputs = dict(zip(names, (file[name] for name in file.files), strict=True))
    model = read_model(content)
    ensure_signature(model)
    cut = parts(model)
    try:
        whole = Runner(content)
        whole.run(inputs)
        values = recorded(model, inputs, cut)
    except StageError as error:
        return json.dumps({"reason": _said(error)})
    runners, reasons = {-2: _empty(), -1: whole}, dict[int, str]()
    for number, part in enumerate(cut):
        step(f"measuring {part.lead.code} alone", number + 1, len(cut))
        try:
            runners[number] = prepared(part, values)
        except StageError as error:
            reasons[number] = _said(error)
    ms = _milliseconds(runners)
    told = [{"ms": ms[k]} if k in ms else {"reason": reasons[k]} for k in range(len(cut))]
    return json.dumps({"whole_ms": ms[-1], "parts": told})


def _milliseconds(runners: Mapping[int, Runner]) -> dict[int, float]:
    """Milliseconds a call of each, less those of the first."""
    rounds = timed({key: runner.invoke for key, runner in runners.items()})
    nothing = next(iter(rounds.values()))
    return {
        key: round(statistics.median(max(t - n, 0.0) for t, n in zip(ms, nothing, strict=True)), 6)
        for key, ms in rounds.items()
    }


def _empty() -> Runner:
    """A model without ops."""
    x = Tensor("x", "FLOAT32", (1,))
    runner = Runner(write_model(extract({"x": x}, {"y": x}, [])))
    runner.run({"x": np.zeros(1, np.float32)})
    return runner


def _said(error: StageError) -> str:
    return str(error.message).splitlines()[0]


if __name__ == "__main__":
    tell(lambda: _measured(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
