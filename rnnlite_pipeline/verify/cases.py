"""What a model is run on: the data, single samples and small batches, random and extreme input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnlite_pipeline.compare.batch_axis import draw
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.verify.data import RANDOM, Samples, fixed_batch, rows, taken_whole

#: Samples a call, where the batch is open: of the data, and of all else.
DATA_BATCH = 64
BATCHES = (1, 3)

#: A batch that no data of this size shows: memory comes in 64 bytes, so that a state with too
#: little of it is right up to a batch of 16.
LARGE_BATCH = 17

#: The length of a long sequence, in steps: long enough that an error which grows shows.
LONG = 300


@dataclass(frozen=True)
class Case:
    """Inputs that are judged together.

    Attributes:
        name: What they are, in words.
        feeds: One mapping of input name to array a call.
        extreme: Whether they lie outside what the model was made for, so that rounding may weigh
            more (compare/distance.py) and a source that refuses or overflows is no failure.
        drawn: Whether they are made up, so that a range measured on data says nothing of them.
        whole: The inputs without a batch axis.
    """

    name: str
    feeds: tuple[Mapping[str, Array], ...]
    extreme: bool = False
    drawn: bool = False
    whole: frozenset[str] = frozenset()

    @property
    def batches(self) -> list[int]:
        """The different batch sizes of the feeds."""
        return sorted({self._batch(feed) for feed in self.feeds})

    def _batch(self, feed: Mapping[str, Array]) -> int:
        return next((len(array) for name, array in feed.items() if name not in self.whole), 1)


def cases(
    samples: Samples, inputs: Sequence[TensorSpec], limits: Mapping[str, range]
) -> Iterator[Case]:
    """Every case of a verification.

    Args:
        samples: What the config names; random input is added where that is a file.
        inputs: The model's inputs.
        limits: For an input of whole numbers, those it takes, where they are known.
    """
    whole = taken_whole(inputs)
    for case in _cases(samples, inputs, limits, whole):
        yield replace(case, whole=whole)


def _cases(
    samples: Samples,
    inputs: Sequence[TensorSpec],
    limits: Mapping[str, range],
    whole: frozenset[str],
) -> Iterator[Case]:
    fixed = fixed_batch(inputs)
    yield _data(samples, fixed, whole)
    for batch in BATCHES if fixed is None else ():
        yield Case(f"batch {batch}", (rows(samples.inputs, 0, batch, whole),))
    batch = fixed or max(BATCHES)
    base = rows(samples.inputs, 0, batch, whole)
    rng = np.random.default_rng(0)
    random = _drawn(rng, base, inputs, limits)
    if samples.name != RANDOM:
        yield Case(RANDOM, (random,), drawn=True)
    if fixed is None and len(samples) < LARGE_BATCH:
        many = rows(samples.inputs, 0, LARGE_BATCH, whole)
        large = _drawn(np.random.default_rng(1), many, inputs, limits)
        yield Case(f"batch {LARGE_BATCH}", (large,), drawn=True)
    floats = [s.name for s in inputs if np.dtype(s.dtype).kind == "f" and s.name not in limits]
    for name, values in _extremes(random, floats):
        yield Case(name, (values,), extreme=True)
    for steps in (1, LONG):
        resized = _resized(base, inputs, steps, fixed or 1, whole)
        if resized is not None:
            values = _drawn(rng, resized, inputs, limits)
            yield Case(f"{steps} step{'s' * (steps > 1)}", (values,), extreme=True)


def _data(samples: Samples, fixed: int | None, whole: frozenset[str]) -> Case:
    batch, count = fixed or DATA_BATCH, len(samples)
    feeds = [
        rows(samples.inputs, start, fixed or min(batch, count - start), whole)
        for start in range(0, count, batch)
    ]
    return Case(samples.name, tuple(feeds), drawn=samples.name == RANDOM)


def _drawn(
    rng: np.random.Generator,
    like: Mapping[str, Array],
    inputs: Sequence[TensorSpec],
    limits: Mapping[str, range],
) -> dict[str, Array]:
    return {s.name: draw(rng, s, like[s.name].shape, limits) for s in inputs}


def _extremes(
    random: Mapping[str, Array], floats: Sequence[str]
) -> Iterator[tuple[str, dict[str, Array]]]:
    """The random input with its floats replaced: indices and flags have no extremes."""
    if not floats:
        return
    chosen = {name: random[name] for name in floats}
    yield "zeros", {**random, **{n: np.zeros_like(a) for n, a in chosen.items()}}
    yield "ones", {**random, **{n: np.ones_like(a) for n, a in chosen.items()}}
    yield "alternating", {**random, **{n: _alternating(a) for n, a in chosen.items()}}
    for factor in (10, 100):
        yield (
            f"times {factor}",
            {**random, **{n: a * a.dtype.type(factor) for n, a in chosen.items()}},
        )


def _alternating(array: Array) -> Array:
    """+1, -1, +1 ... along axis 1 (time)."""
    signs = np.where(np.arange(array.shape[1] if array.ndim > 1 else 1) % 2, -1, 1)
    shape = (1, -1, *(1,) * (array.ndim - 2)) if array.ndim > 1 else (1,) * array.ndim
    return np.broadcast_to(signs.reshape(shape), array.shape).astype(array.dtype)


def _resized(
    base: Mapping[str, Array],
    inputs: Sequence[TensorSpec],
    steps: int,
    batch: int,
    whole: frozenset[str],
) -> dict[str, Array] | None:
    """Arrays with another number of steps, or None where no input has an open length."""
    if not any(len(s.shape) > 1 and s.shape[1] is None for s in inputs):
        return None
    resized = {}
    for spec in inputs:
        shape = list(base[spec.name].shape)
        if spec.name not in whole:
            shape[0] = batch
        if len(shape) > 1 and spec.shape[1] is None:
            shape[1] = steps
        resized[spec.name] = np.empty(shape, spec.dtype)
    return resized
