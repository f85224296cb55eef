"""The stage benchmark: latency, size and memory, compared with the stock conversion.

1. One thread, the default delegate, a batch of 1. An open length is that of the config's data, or
   else `STEPS`.
2. Each model runs in a process of its own first, which tells the memory it takes. One that does
   not run is told with its reason: of the stock conversion, that is a result.
3. The others are timed in turns, in one process (`timing.py`). A figure is the median of
   the rounds, and their best; a ratio is the median of the rounds' ratios to model.tflite.
4. Each op of model.tflite is timed alone (`latency/`).
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.compare.batch_axis import draw
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import RnnliteError, StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.by_op import by_op
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.latency.text import as_text
from rnnlite_pipeline.lower.layer_record import read_layers
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.missing import missing_ops
from rnnlite_pipeline.runtimes.probe import peak_memory
from rnnlite_pipeline.runtimes.timing import timed
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.sources.stock import ATTEMPTS, stock
from rnnlite_pipeline.stages.convert import converted, read_limits, read_source
from rnnlite_pipeline.state import Description, described
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.verify.carried import inputs_left, outputs_left
from rnnlite_pipeline.verify.data import random_shape, read_samples

#: The length of an open sequence, if the config names no data.
STEPS = 100

#: The name of model.tflite among the models.
OURS = "model.tflite"

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Candidate:
    """One model that is measured.

    Attributes:
        name: Its name in the results.
        content: The .tflite file; None if there is none.
        how: How it was made.
        reason: Why there is no file.
        inputs: Its input names by those of the source, if they differ.
    """

    name: str
    content: bytes | None
    how: str = ""
    reason: str = ""
    inputs: Mapping[str, str] | None = None


def benchmark(config: Config, out: Path) -> None:
    """Writes `out/benchmark.json`, and a text for people as `out/benchmark.txt`.

    Raises:
        StageError: model.tflite itself does not run.
        VerificationFailed: The data that the config names is not the model's.
    """
    own = (out / "model.tflite").read_bytes()
    samples, limits = _samples(config, out, described(read_model(own))), read_limits(out)
    models: dict[str, dict[str, Any]] = {}
    runners: dict[str, tuple[Runner, Arrays]] = {}
    for each in _candidates(config, out, own, samples):
        step(f"{each.name}: {each.reason or each.how}")
        models[each.name] = {"how": each.how, "reason": each.reason}
        if each.content is None:
            continue
        fed = feed(each, samples, limits)
        memory, reason = peak_memory(out / ".work", each.content, fed)
        models[each.name] |= {"bytes": len(each.content), "reason": reason}
        if reason and each.name == OURS:
            raise StageError(f"model.tflite {reason}.", "Run `rnnlite verify` to see more.")
        if not reason:
            models[each.name]["memory_bytes"] = memory
            runners[each.name] = Runner(each.content, "default", threads=1), fed
    rounds = timed({name: partial(runner.run, fed) for name, (runner, fed) in runners.items()})
    for name, times in rounds.items():
        models[name] |= _figures(times, rounds[OURS])
    told = {
        "name": config.name,
        "model_sha256": hashlib.sha256(own).hexdigest(),
        "machine": machine(),
        "settings": _settings(config, samples) | {"rounds": len(rounds[OURS])},
        "models": models,
        "ops": by_op(out / ".work", own, runners[OURS][1], read_layers(out)),
    }
    write_atomically(out / "benchmark.txt", as_text(told).encode())
    text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(out / "benchmark.json", text.encode())


def feed(candidate: Candidate, samples: Arrays, limits: Mapping[str, range]) -> dict[str, Array]:
    """The inputs that a model is run on: the samples, in the shapes and dtypes of its inputs.

    An input that the source does not have is a state; it gets zeros.
    """
    assert candidate.content is not None
    named = candidate.inputs or {}
    return {
        name: _fitted(tensor, samples.get(named.get(name, name)), name in limits)
        for name, tensor in ports(read_model(candidate.content), "inputs")
    }


def _candidates(config: Config, out: Path, own: bytes, samples: Arrays) -> Iterator[Candidate]:
    yield Candidate(OURS, own, f"recurrent.lowering: {config.recurrent.lowering}")
    yield _stock(config, out, samples)
    ops = _ops(own)
    for form in ("fused", "loop"):
        other = _lowered(config, out, form)
        if other.content is None or _ops(other.content) != ops:
            yield other


def _stock(config: Config, out: Path, samples: Arrays) -> Candidate:
    """The first attempt whose model runs; or else the first attempt with a model; or the reasons.

    The result also names the attempts that failed before.
    """
    found, reasons = list[Candidate](), list[str]()
    for attempt, how in _attempts(config).items():
        reason = stock(config.reference, out, attempt, _pins(out, attempt, samples))
        if not reason:
            content = (out / ".work" / "stock.tflite").read_bytes()
            inputs = json.loads((out / ".work" / "stock.json").read_text())
            told = "; ".join([how, *(f"not {each}" for each in reasons)])
            found.append(Candidate("stock", content, told, "", inputs))
            fed = feed(found[-1], samples, read_limits(out))
            reason = peak_memory(out / ".work", content, fed)[1]
            if not reason:
                return found[-1]
        print(f"stock, {how}: {reason}", flush=True)
        reasons.append(f"{how}: {reason}")
    return found[0] if found else Candidate("stock", None, reason="; ".join(reasons))


def _attempts(config: Config) -> Mapping[str, str]:
    if config.source.format == "tflite":
        return {"builtins": "the source itself"}
    known = config.source.format in ("keras", "h5")
    return {attempt: how for attempt, how in ATTEMPTS.items() if known or attempt != "keras"}


def _pins(out: Path, attempt: str, samples: Arrays) -> dict[str, list[int | None]]:
    """The shape of each input with a batch of 1; for "fixed", with all sizes of the samples."""
    pins = {}
    for spec in _specs(out, "inputs"):
        shape = samples[spec.name].shape
        axes = len(shape) if attempt == "fixed" else 1
        open_or_not = enumerate(spec.shape)
        pins[spec.name] = [shape[k] if d is None and k < axes else d for k, d in open_or_not]
    return pins


def _lowered(config: Config, out: Path, form: str) -> Candidate:
    """The same source, with its recurrences lowered to another form."""
    name = f"lowering: {form}"
    recurrent = config.recurrent.model_copy(update={"lowering": form})
    asked = config.model_copy(update={"recurrent": recurrent})
    try:
        conversion = converted(read_source(out), asked, read_limits(out))
    except RnnliteError as error:
        return Candidate(name, None, reason=str(error.message))
    if missing := missing_ops(conversion.model):
        return Candidate(
            name, None, reason=f"the runtime has no op for {', '.join(map(str, missing))}"
        )
    reasons = [f"{layer.name}: {layer.reason}" for layer in conversion.layers if layer.reason]
    if form == "fused" and reasons:
        return Candidate(name, None, reason="; ".join(reasons))
    return Candidate(name, write_model(conversion.model), f"recurrent.lowering: {form}")


def _ops(content: bytes) -> Counter[str]:
    return Counter(op.code for op in read_model(content).ops())


def _samples(config: Config, out: Path, states: Description) -> dict[str, Array]:
    """One sample of each of the source's inputs, [1, ...]; a fixed batch is kept.

    States that the source's caller carries, and the model keeps, are not in the data: zeros.
    """
    specs, path = _specs(out, "inputs"), config.verification.data.path
    if path:
        inputs = inputs_left(specs, states)
        outputs = outputs_left(_specs(out, "outputs"), states)
        read = read_samples(config.resolve(path), inputs, outputs)
        zeros = {s.name: np.zeros(_shape(s), s.dtype) for s in specs if s not in inputs}
        return {name: array[:1] for name, array in read.inputs.items()} | zeros
    rng, limits = np.random.default_rng(0), read_limits(out)
    return {spec.name: draw(rng, spec, _shape(spec), limits) for spec in specs}


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    """The shape with a batch of 1, and `STEPS` steps if the length is open."""
    if not spec.shape:
        return ()
    closed = random_shape(spec.shape, spec.shape[0] or 1)
    is_open = len(spec.shape) > 1 and spec.shape[1] is None
    return (closed[0], STEPS, *closed[2:]) if is_open else closed


def _specs(out: Path, side: str) -> list[TensorSpec]:
    told = json.loads((out / ".work" / "source.json").read_text())
    return [TensorSpec.from_json(each) for each in told[side]]


def _fitted(tensor: Tensor, sample: Array | None, is_index: bool) -> Array:
    """The sample in the shape and dtype of this input; it is repeated to fill a larger shape."""
    shape, dtype = tensor.shape or (), NUMPY[tensor.dtype]
    if sample is None or sample.ndim != len(shape):
        return np.zeros([1 if d == OPEN else d for d in shape], dtype)
    sizes = [size if d == OPEN else d for d, size in zip(shape, sample.shape, strict=True)]
    resized = np.resize(sample, sizes)
    if tensor.quantization and tensor.quantization.scale and not is_index:
        scale, zero = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
        info = np.iinfo(dtype)
        return np.clip(np.round(resized / scale) + zero, info.min, info.max).astype(dtype)
    return resized.astype(dtype)


def _figures(times: list[float], own: list[float]) -> dict[str, Any]:
    ratio = statistics.median(t / o for t, o in zip(times, own, strict=True))
    ms = {"median": round(statistics.median(times), 6), "best": round(min(times), 6)}
    return {"ms": ms, "ratio": round(ratio, 4)}


def _settings(config: Config, samples: Arrays) -> dict[str, Any]:
    return {
        "threads": 1,
        "delegate": "default",
        "data": "the first sample of the data" if config.verification.data.path else "random data",
        "inputs": {name: list(array.shape) for name, array in samples.items()},
    }
