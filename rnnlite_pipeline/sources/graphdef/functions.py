"""TensorFlow functions as sources: a concrete function and names for what goes in and out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.model import (
    Array,
    SourceModel,
    TensorSpec,
    check_dtypes,
    first_line,
    pin,
)
from rnnlite_pipeline.sources.repeated import Call, repeated
from rnnlite_pipeline.sources.state import is_stateful
from rnnlite_pipeline.toolchain import load

Pins = Mapping[str, Sequence[int | None]]


def function_model(
    call: Call, inputs: Sequence[TensorSpec], outputs: Sequence[str], pins: Pins
) -> SourceModel:
    """A TensorFlow function as a `SourceModel`.

    Args:
        call: Gives tensors in the order of `outputs` for tensors in the order of `inputs`.
        inputs: As the source has them.
        outputs: Their names.
        pins: `source.inputs`, by input name.

    Raises:
        SourceError: It cannot be traced on inputs of these shapes.
    """
    inputs = pin(inputs, pins)
    check_dtypes(inputs)
    function = _traced(call, inputs)
    results = [
        tensor_spec(n, t.dtype, t.shape) for n, t in zip(outputs, function.outputs, strict=True)
    ]
    check_dtypes(results)
    keeps = is_stateful(function.graph.as_graph_def())
    called = call if keeps else repeated(call)

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        tf = load("tensorflow")
        values = called([tf.constant(arrays[s.name], s.dtype) for s in inputs])
        return {name: np.asarray(v) for name, v in zip(outputs, values, strict=True)}

    if pins and not keeps:
        results = list(closed_by_pins(results, inputs, run))
    return SourceModel(tuple(inputs), tuple(results), lambda: function, run, versions=versions())


def closed_by_pins(
    results: Sequence[TensorSpec],
    inputs: Sequence[TensorSpec],
    run: Callable[[Mapping[str, Array]], Mapping[str, Array]],
) -> tuple[TensorSpec, ...]:
    """The outputs with the dimensions closed that follow from pinned inputs.

    A loop keeps the shapes it was traced with (`output_shapes` of While), so TensorFlow's own
    inference stops there. The source is run instead: a shape that is the same on zeros, on ones
    and on random numbers does not depend on the numbers.

    Args:
        results: The outputs, as TensorFlow knows them.
        inputs: All of them pinned, or nothing is closed.
        run: Runs the source, which must not keep anything from call to call.
    """
    if any(None in s.shape for s in inputs) or all(None not in r.shape for r in results):
        return tuple(results)
    random = np.random.default_rng(0)
    makers: tuple[Callable[..., Array], ...] = (np.zeros, np.ones, random.random)
    try:
        found = [
            run({s.name: np.asarray(make(s.shape)).astype(s.dtype) for s in inputs})
            for make in makers
        ]
    except Exception as error:  # noqa: BLE001  # these numbers may be none that it takes
        print(error, flush=True)
        return tuple(results)
    shapes = {r.name: {each[r.name].shape for each in found} for r in results}
    return tuple(
        replace(r, shape=next(iter(shapes[r.name]))) if len(shapes[r.name]) == 1 else r
        for r in results
    )


def _traced(call: Call, inputs: Sequence[TensorSpec]) -> Any:
    tf = load("tensorflow")
    specs = [tf.TensorSpec(s.shape, s.dtype, name=f"input_{i}") for i, s in enumerate(inputs)]
    try:
        return tf.function(
            lambda *tensors: [tf.identity(t) for t in call(tensors)], autograph=False
        ).get_concrete_function(*specs)
    except Exception as error:  # the user's own code, or shapes that the pins made impossible
        print(error, flush=True)
        raise SourceError(
            f"The function cannot be called on its inputs: {first_line(error)}",
            "Call it in TensorFlow on inputs of those shapes; check source.inputs.",
        ) from error


def tensor_spec(name: str, dtype: Any, shape: Any) -> TensorSpec:
    """What TensorFlow says of a tensor, under the name the author knows it by.

    Raises:
        SourceError: Its rank is unknown.
    """
    if shape.rank is None:
        raise SourceError(
            f'The shape of "{name}" is unknown, even its rank.',
            f"Give it in the config, such as source.inputs: {{{name}: [null, 8, 8]}}, or in the "
            "source itself.",
        )
    return TensorSpec(name, dtype.base_dtype.name, tuple(shape.as_list()))


def pinned_shape(shape: Any, name: str, pins: Pins) -> Any:
    """The shape, or the pinned one where the source does not even know the rank."""
    if shape.rank is None and name in pins:
        return load("tensorflow").TensorShape(pins[name])
    return shape


def in_order(names: Sequence[str]) -> list[str]:
    """Names sorted as a person sorts them: output_2 before output_10."""
    return sorted(names, key=lambda n: [p.zfill(9) for p in re.split(r"(\d+)", n)])


def versions() -> dict[str, str]:
    """The versions that decide what TensorFlow's functions compute."""
    return {"tensorflow": load("tensorflow").__version__}
