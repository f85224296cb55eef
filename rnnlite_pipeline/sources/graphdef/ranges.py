"""Which whole numbers an input takes, found by asking the source.

A Keras model says how many indices its Embedding has. A graph or a function does not say whether
its integers are lengths of sequences, indices, or counts from 1: it is run on some, and those it
takes are those that it is tested on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rnnlite_pipeline.sources.gathered import rows_read
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec

#: The length of an open dimension but the batch, and so the largest length of a sequence.
STEPS = 17
BATCH = 3


def with_ranges(source: SourceModel) -> SourceModel:
    """The source with a range for each input of whole numbers that has none.

    What indexes a table has the table's rows, though it be of floats (gathered.py). For other
    integers, lengths from 0 to all of the steps are tried first, then from 1, then 0 and 1. Those
    that make every result finite come first: an attention over no step at all is no number, and
    nothing can be compared with that. A source that refuses them all is left as it is: what it
    needs stands in the config's data, or nowhere.
    """
    source = _with_rows(source)
    names = [s.name for s in source.inputs if np.dtype(s.dtype).kind in "iu"]
    unknown = [name for name in names if name not in source.limits]
    if not unknown:
        return source
    steps, taken = _steps(source.inputs), None
    for values in (range(steps + 1), range(1, steps + 1), range(2), range(1, 2)):
        limits = {**source.limits, **dict.fromkeys(unknown, values)}
        made = [_results(source, feed) for feed in _feeds(source.inputs, limits)]
        results = [each for each in made if each is not None]
        if any(map(_is_finite, results)):
            return replace(source, limits=limits)
        if results and taken is None:
            taken = replace(source, limits=limits)
    return taken or source


def _with_rows(source: SourceModel) -> SourceModel:
    if source.content is not None or source.keras_model is not None:
        return source  # a file, and Keras, have said what they know
    known = {
        source.inputs[position].name: range(rows)
        for position, rows in rows_read(source.trace()).items()
        if position < len(source.inputs)
    }
    return replace(source, limits={**known, **source.limits}) if known else source


def _steps(inputs: Sequence[TensorSpec]) -> int:
    """The length of the shortest sequence among the inputs."""
    sequences = [s.shape[1] for s in inputs if len(s.shape) > 2]
    return min((n for n in sequences if n is not None), default=STEPS)


def _feeds(inputs: Sequence[TensorSpec], limits: dict[str, range]) -> Iterator[dict[str, Array]]:
    """Numbers for the inputs, of every range its first and its last; sequences in both layouts."""
    rng = np.random.default_rng(0)
    for time_major in (False, True):
        feed = {}
        for spec in inputs:
            shape = _shape(spec, time_major)
            array = rng.standard_normal(shape)
            if spec.name in limits:
                values = limits[spec.name]
                array = np.resize([values.start, values.stop - 1], shape)
            feed[spec.name] = np.asarray(array, np.dtype(spec.dtype))
        yield feed


def _shape(spec: TensorSpec, time_major: bool) -> tuple[int, ...]:
    sizes = [BATCH, *[STEPS] * len(spec.shape)]
    if time_major and len(spec.shape) > 2:
        sizes[:2] = [STEPS, BATCH]
    return tuple(n if d is None else d for d, n in zip(spec.shape, sizes, strict=False))


def _results(source: SourceModel, feed: dict[str, Array]) -> dict[str, Array] | None:
    """What the source makes of some numbers; None where it does not take them."""
    try:
        return source.run(feed)
    except Exception:  # noqa: BLE001  # whatever the source raises on numbers it does not take
        return None


def _is_finite(results: dict[str, Array]) -> bool:
    return all(np.isfinite(a).all() for a in results.values() if a.dtype.kind in "fc")
