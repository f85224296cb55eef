"""Sources that leave the batch open and take one entry alone: they are converted for one.

A reshape to [1, ...] or a state of one row in a graph does so, and nothing in its interface says
it. It is found by running the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnlite_pipeline.sources.model import Array, Shape, SourceModel, TensorSpec, first_line

#: The length of an open dimension, and so of a batch that is no single entry.
LENGTH = 17


def pins_of_one(source: SourceModel) -> tuple[dict[str, Shape], str]:
    """The shapes that close the batch to 1, by input; none where the source takes several entries.

    The batch is the first or the second axis. Where the source runs on neither size the reason is
    another one, and nothing is closed.

    Returns:
        The shapes, and what the source says to several entries.
    """
    if not any(None in spec.shape for spec in source.inputs):
        return {}, ""
    refused = _refused(source, source.inputs)
    for axis in (0, 1) if refused else ():
        closed = [_closed(spec, axis) for spec in source.inputs]
        if closed != list(source.inputs) and not _refused(source, closed):
            return {s.name: s.shape for s in closed}, refused
    return {}, ""


def _closed(spec: TensorSpec, axis: int) -> TensorSpec:
    """An input whose open axis is 1."""
    if axis >= len(spec.shape) or spec.shape[axis] is not None:
        return spec
    shape = (*spec.shape[:axis], 1, *spec.shape[axis + 1 :])
    return TensorSpec(spec.name, spec.dtype, shape)


def _refused(source: SourceModel, specs: Sequence[TensorSpec]) -> str:
    """What the source says to inputs of these shapes; empty if it takes them."""
    try:
        source.run(_drawn(specs, source.limits))
    except Exception as error:  # noqa: BLE001  # whatever a framework raises on such shapes
        return first_line(error)
    return ""


def _drawn(specs: Sequence[TensorSpec], limits: Mapping[str, range]) -> dict[str, Array]:
    rng, arrays = np.random.default_rng(0), {}
    for spec in specs:
        shape = [LENGTH if d is None else d for d in spec.shape]
        dtype, values = np.dtype(spec.dtype), limits.get(spec.name, range(2))
        real = dtype.kind == "f" and spec.name not in limits
        drawn = (
            rng.standard_normal(shape) if real else rng.integers(values.start, values.stop, shape)
        )
        arrays[spec.name] = np.asarray(drawn, dtype)
    return arrays
