"""What quantization costs inside a model: the signal-to-noise ratio of every value.

The float model and the quantized one run on the same data with their values as outputs. The
signal is what the float model computes, the noise what the quantized one computes otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.compare.batch_axis import Axes
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.affine import from_integers
from rnnlite_pipeline.graph.extract import giving
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.ops import RECURRENT
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import RESET
from rnnlite_pipeline.lower.layer_record import read_layers
from rnnlite_pipeline.quantize import record
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.state import described
from rnnlite_pipeline.verify.application import RealRunner, first_states
from rnnlite_pipeline.verify.data import rows, taken_whole

#: How many tensors are listed, those with the most noise first.
WORST = 10

#: How many samples the ratios are measured on.
SAMPLES = 64

#: A ratio is never said to be better: the noise is then that of float32 itself.
CEILING_DB = 150.0


def figures(
    out: Path, scheme: str, content: bytes, feeds: Sequence[Mapping[str, Array]]
) -> dict[str, Any]:
    """The section `quantization` of verification.json; empty where nothing was quantized.

    Args:
        out: The model's folder, with what convert left.
        scheme: The config's.
        content: The quantized model.
        feeds: Some of the verification data, real numbers.
    """
    left = record.read(out)
    if left is None or scheme == "none":
        return {}
    before, outcomes = left
    said: dict[str, Any] = {
        "scheme": scheme,
        "ops": outcomes,
        "bytes": {
            "float": len(before),
            "quantized": len(content),
            "ratio": round(len(content) / len(before), 4),
        },
    }
    layers = [layer["name"] for layer in read_layers(out)]
    quantized = read_model(content)
    first = [{**feed, **first_states(feed, described(quantized))} for feed in feeds]
    try:
        return said | _ratios(read_model(before), quantized, first, layers)
    except StageError as error:
        return said | {"not_measured": error.message}


def figure_feeds(inputs: Mapping[str, Array], model: Model, axes: Axes) -> list[dict[str, Array]]:
    """Up to `SAMPLES` samples, in calls of the batch the model takes; the batch is in front."""
    named = model.signatures[0].inputs.items()
    fixed = {t.shape[axes.inputs.get(n, 0)] for n, t in named if t.shape} - {OPEN}
    count = min(SAMPLES, len(next(iter(inputs.values()))))
    specs = [
        TensorSpec(n, t.dtype, tuple(None if d == OPEN else d for d in t.shape or ()))
        for n, t in axes.tensors_batch_first(dict(named)).items()
        if n in inputs
    ]
    whole = taken_whole(specs)
    batch = 1 if len(whole) == len(specs) else min(fixed, default=count)
    return [rows(inputs, start, batch, whole) for start in range(0, count, batch)]


def _ratios(
    real: Model, quantized: Model, feeds: Sequence[Mapping[str, Array]], layers: Sequence[str]
) -> dict[str, Any]:
    pairs = list(_pairs(real, quantized))
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    signal, noise = _values(real, first, feeds), _values(quantized, second, feeds)
    values = {a: (x, x - _plain(y, b)) for (a, b), x, y in zip(pairs, signal, noise, strict=True)}
    recurrent, called = [], {tensor: tensor.name for tensor in values}
    for op in real.main.ops:
        for made in op.outputs if op.code in RECURRENT or op.code == "WHILE" else []:
            tensor = _every_step(real, op, made)
            if tensor not in values:
                continue
            steps = tensor.shape is not None and len(tensor.shape) == 3
            called[tensor] = _called(tensor.name, layers, steps=steps)
            if steps:
                major = op.options.get("time_major", True)
                layer = _layer(tensor.name, *values[tensor], 0 if major else 1)
                recurrent.append(layer | {"value": called[tensor]})
    ranked = sorted((_db(x, e), t.name, called[t]) for t, (x, e) in values.items())
    worst = [
        {"tensor": name, "value": value, "snr_db": ratio} for ratio, name, value in ranked[:WORST]
    ]
    return {"recurrent": recurrent, "worst": worst}


def _every_step(model: Model, op: Op, tensor: Tensor) -> Tensor:
    """The steps of the sequence, of what a recurrent op gives.

    A loop block by block gives whole blocks, and behind it a slice takes the steps that there are.
    """
    readers = [each for each in model.main.ops if tensor in each.inputs]
    if op.code != "WHILE" or len(readers) != 1 or readers[0].code != "STRIDED_SLICE":
        return tensor
    (sliced,) = readers[0].outputs
    has_steps = sliced.shape is not None and len(sliced.shape) == 3
    return sliced if has_steps else tensor


def _called(name: str, layers: Sequence[str], *, steps: bool) -> str:
    """What a person calls the result of a recurrent op: the layer, not a tensor of its loop.

    >>> _called("gru/level_0_4", ["gru", "gru_1"], steps=True)
    'gru, every step'
    """
    within = [layer for layer in layers if f"{name}/".startswith(f"{layer}/")]
    layer = max(within, key=len, default="")
    return f"{layer}, {'every step' if steps else 'after the last step'}" if layer else name


def _pairs(real: Model, quantized: Model) -> Iterator[tuple[Tensor, Tensor]]:
    """The values that both models compute, found by their names.

    A value that nothing reads is left out: a loop also returns what it was given, unchanged.
    """
    read = {tensor for op in real.main.ops for tensor in op.inputs} | set(real.main.outputs)
    there: dict[str, Tensor] = {t.name: t for op in quantized.main.ops for t in op.outputs}
    names = Counter(t.name for op in real.main.ops for t in op.outputs)
    for op in real.main.ops:
        for tensor in op.outputs:
            if tensor.dtype != "FLOAT32" or tensor.is_variable or names[tensor.name] > 1:
                continue
            if tensor not in read:
                continue
            for name in (f"{tensor.name}/int8", f"{tensor.name}/int16", tensor.name):
                other = there.get(name)
                if other is not None and not other.is_variable:
                    yield tensor, other
                    break


def _values(
    model: Model, tensors: list[Tensor], feeds: Sequence[Mapping[str, Array]]
) -> list[Array]:
    """Each tensor's values on all feeds, each flattened to [feeds, ...] along a new axis.

    Every feed starts from the first states: those that it has, or those of the model's variables.
    """
    made, inputs = giving(model, tensors), model.signatures[0].inputs
    made.signatures += [signature for signature in model.signatures if signature.key == RESET]
    runner = RealRunner(open_runner(made), model, plain=True)
    results = []
    for feed in feeds:
        if len(made.signatures) > 1:
            runner.reset()
        results.append(runner.run({name: feed[name] for name in inputs}))
    return [np.stack([result[f"value_{k}"] for result in results]) for k in range(len(tensors))]


def _plain(values: Array, tensor: Tensor) -> Array:
    scaled = tensor.quantization is not None and tensor.quantization.scale
    return from_integers(values, tensor) if scaled else values


def _layer(name: str, signal: Array, noise: Array, time_axis: int) -> dict[str, Any]:
    """A recurrent layer's ratio, on the whole and at each step."""
    steps = range(signal.shape[1 + time_axis])
    at = [_db(np.take(signal, t, 1 + time_axis), np.take(noise, t, 1 + time_axis)) for t in steps]
    return {"tensor": name, "snr_db": _db(signal, noise), "snr_db_by_step": at}


def _db(signal: Array, noise: Array) -> float:
    power, lost = (float(np.sum(np.square(v, dtype=np.float64))) for v in (signal, noise))
    if lost <= power * 10 ** (-CEILING_DB / 10):
        return CEILING_DB
    return round(float(10 * np.log10(max(power, 1e-30) / lost)), 2)
