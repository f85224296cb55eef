"""Small lowered models to quantize, and how close a quantized one comes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.graph.affine import from_integers, to_integers
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.float16 import float16
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.integer_model import Interface
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from tests.lower.cases import Case

Array = NDArray[Any]

KERNELS: tuple[Kernels, ...] = ("reference", "default", "no_delegate")

#: What is quantized: the scheme, as a change of a model in place.
CHANGES: dict[str, Callable[[Model], list[Outcome]]] = {
    "dynamic_range": lambda model: dynamic_range(model, Skip()),
    "float16": lambda model: float16(model, Skip()),
    "int8": lambda model: integers(model, "int8"),
}

#: The least signal-to-noise ratio, in dB. A rounding to n bits costs 6 n dB less a peak of some
#: 4 times the deviation; sums of products and the steps of a recurrence cost the rest.
LEAST_DB = {"dynamic_range": 20.0, "float16": 45.0, "int8": 16.0, "int16x8": 20.0}


def model_of(case: Case, classes: int = 0) -> Model:
    """A case lowered, with a signature; behind it a dense layer of `classes` if given."""
    model = case.model()
    lower(model)
    main = model.main
    if classes:
        build, y = Builder("dense"), main.outputs[0]
        weight = np.random.default_rng(5).normal(0, 0.4, (classes, y.shape[-1]))  # type: ignore[index]
        bias = np.linspace(-1, 1, classes).astype(np.float32)
        constants = [weight.astype(np.float32), bias]
        names = ("kernel", "bias")
        kernel, add = (build.constant(n, c) for n, c in zip(names, constants, strict=True))
        rows = OPEN if OPEN in y.shape else int(np.prod(y.shape[:-1]))  # type: ignore[operator,index]
        flat = build.reshape(y, [rows, y.shape[-1]])  # type: ignore[index]
        out = Tensor("dense", "FLOAT32", (rows, classes))
        build.ops.append(make_op("FULLY_CONNECTED", [flat, kernel, add], [out]))
        main.ops += build.ops
        main.outputs = [out]
    named = {t.name: t for t in main.outputs}
    model.signatures = [Signature("main", main, {t.name: t for t in main.inputs}, named)]
    return model


def with_int8_weights(lstm: Lstm) -> Lstm:
    """The cell with each matrix rounded to 255 numbers."""

    def rounded(value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.ndim != 2:
            return value
        scale = np.abs(value).max() / 127
        return np.round(value / scale) * scale

    changed: dict[str, Any] = {}
    for field in fields(lstm):
        gate = getattr(lstm, field.name)
        if isinstance(gate, Gate):
            matrices = {f.name: rounded(getattr(gate, f.name)) for f in fields(gate)}
            changed[field.name] = replace(gate, **matrices)
    return replace(lstm, **changed)


def feed(model: Model, seed: int, batch: int = 3, steps: int = 6) -> dict[str, Array]:
    """Normal numbers for x; its layout is that of the fused op."""
    rng = np.random.default_rng(seed)
    (x,) = model.main.inputs
    assert x.shape is not None
    layouts = [o.options["time_major"] for o in model.main.ops if "time_major" in o.options]
    sizes = (steps, batch) if all(layouts) else (batch, steps)
    shape = [s if d == -1 else d for s, d in zip((*sizes, 0), x.shape, strict=True)]
    return {x.name: rng.normal(size=shape).astype(np.float32)}


def feeds(model: Model, count: int = 8) -> Iterator[dict[str, Array]]:
    """Calibration data."""
    return (feed(model, 1000 + k, batch=8) for k in range(count))


def integers(
    model: Model, scheme: str, interface: str = "float32", skip: Skip | None = None
) -> list[Outcome]:
    """Integers where there are kernels, then int8 weights, as the stage does it."""
    types = Interface(interface, interface)
    return rewrite(model, scheme, measure(model, feeds(model)), skip or Skip(), types)


def quantized(model: Model, scheme: str) -> tuple[Model, list[Outcome]]:
    """A copy by the scheme, and what became of its ops."""
    made = copy.deepcopy(model)
    return made, CHANGES[scheme](made)


def run(runner: Any, model: Model, given: dict[str, Array]) -> dict[str, Array]:
    """Real numbers in and out of a model with any interface."""
    signature = model.signatures[0]
    real = {
        n: to_integers(given[n], t) if t.quantization else given[n]
        for n, t in signature.inputs.items()
    }
    results = runner.run(real)
    return {
        n: from_integers(results[n], t) if t.quantization else results[n]
        for n, t in signature.outputs.items()
    }


def db(signal: Array, other: Array) -> float:
    """The ratio of the signal to what the other differs by."""
    noise = float(np.sum((signal.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(np.sum(signal.astype(np.float64) ** 2) / max(noise, 1e-30)))


def worst_db(model: Model, made: Model, kernels: Kernels) -> float:
    """The least ratio over batches that change, each call made twice with equal results."""
    expected, runner = Runner(write_model(model), "reference"), Runner(write_model(made), kernels)
    ratios = []
    for seed, batch in enumerate((3, 1, 5, 1)):
        given = feed(model, seed, batch)
        want = expected.run(given)
        first, second = run(runner, made, given), run(runner, made, given)
        for name in want:
            np.testing.assert_array_equal(first[name], second[name])
            ratios.append(db(want[name], first[name]))
    return min(ratios)
