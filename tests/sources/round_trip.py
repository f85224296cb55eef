"""A source through import and conversion, held to its own framework on both kernels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.edit import ensure_signature, ports
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import check_convertible, converted

#: The length of open axes but the batch.
LENGTH = 5
TOLERANCE = 2e-6


@dataclass(frozen=True)
class RoundTrip:
    """An opened source, its canonical graph, the converted model, its ops and layers."""

    source: SourceModel
    imported: Model
    model: Model
    codes: Counter[str]
    layers: dict[str, str]


def config(**source: Any) -> Config:
    """A config of which only the source matters; YAML's lists may be lists here, too."""
    shapes = {name: tuple(shape) for name, shape in source.pop("inputs", {}).items()}
    outputs = tuple(source.pop("outputs", ()))
    values = {**source, "inputs": shapes, "outputs": outputs}
    return Config.model_validate({"name": "model", "source": values})


def round_trip(**source: Any) -> RoundTrip:
    """Imports, converts, and runs both, twice, with batches of 1 and 3 where it is open.

    Raises:
        AssertionError: The converted model has another interface or other numbers.
    """
    asked = config(**source)
    opened = open_source(asked)
    imported = read_model(to_tflite(opened))
    ensure_signature(imported)
    result = converted(read_model(write_model(imported)), asked)
    check_convertible(result, asked)
    codes = Counter(op.code for op in result.model.ops())
    assert not any(code.startswith("Flex") for code in codes)
    assert _names(result.model, "inputs") == [spec.name for spec in opened.inputs]
    assert _names(result.model, "outputs") == [spec.name for spec in opened.outputs]
    _compare(opened, write_model(result.model))
    layers = {each.name: each.op for each in result.layers}
    return RoundTrip(opened, imported, result.model, codes, layers)


def _names(model: Model, side: Literal["inputs", "outputs"]) -> list[str]:
    return [name for name, _ in ports(model, side)]


def _compare(source: SourceModel, content: bytes) -> None:
    kernels: tuple[Kernels, ...] = ("reference", "default")
    random = np.random.default_rng(0)
    for runner in [Runner(content, each) for each in kernels]:
        for batch in (1, 3):
            fed = {spec.name: drawn(spec, batch, random) for spec in source.inputs}
            expected = source.run(fed)
            for found in (runner.run(fed), runner.run(fed)):
                for name, values in expected.items():
                    assert found[name].dtype == values.dtype
                    np.testing.assert_allclose(found[name], values, atol=TOLERANCE, rtol=1e-5)


def drawn(spec: TensorSpec, batch: int, random: np.random.Generator) -> Any:
    """Random numbers for an input; integers are 0 or 1."""
    shape = [d or (LENGTH if axis else batch) for axis, d in enumerate(spec.shape)]
    if np.dtype(spec.dtype).kind != "f":
        return random.integers(0, 2, shape).astype(spec.dtype)
    return random.standard_normal(shape).astype(spec.dtype)


def shapes(specs: tuple[TensorSpec, ...]) -> list[tuple[str, str, tuple[int | None, ...]]]:
    """Name, dtype and shape of each."""
    return [(spec.name, spec.dtype, spec.shape) for spec in specs]
