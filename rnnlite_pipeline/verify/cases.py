"""What a model is run on: the data, single samples and small batches, random and extreme input.

Rules:
    1. The data is run whole: how much that is, its author decides. Where the config leaves the
       number of random samples open, they cost at most `RANDOM_WORK` multiply-adds, but there are
       at least `FEWEST_SAMPLES`.
    2. What is made up costs at most `MADE_UP` multiply-adds a call: sequences of open length are
       shorter where a step costs much, and where the length is closed, one sample is taken in place
       of three. Where not even one step is affordable, a batch that was chosen for its size alone
       is left out.
    3. Extreme input that costs more than that nevertheless is run on the fast kernels alone, where
       there are some: the data is run on both (`Case.fast_only`).
    4. All of this is said (`Case.note`), with the numbers.
"""

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

#: The multiply-adds of one call on made-up input. Each is made four times on the model and once or
#: twice on the source, and there are up to nine; reference kernels make some 1e9 a second.
MADE_UP = 2_000_000_000

#: The multiply-adds of one pass over random samples whose number is open, and the fewest samples.
RANDOM_WORK, FEWEST_SAMPLES = 2_000_000_000, max(BATCHES)


@dataclass(frozen=True)
class Work:
    """What a call of the model costs, in multiply-adds (graph/multiply_adds.py).

    Attributes:
        fixed: For each batch entry.
        per_step: For each batch entry and step of an open length.
    """

    fixed: int = 0
    per_step: int = 0

    def steps(self, batch: int, wanted: int) -> int:
        """The length, at most `wanted` and at least 1, that a call with this batch can afford."""
        room = MADE_UP // batch - self.fixed
        return max(1, min(wanted, room // self.per_step)) if self.per_step else wanted

    def of(self, batch: int, steps: int) -> int:
        """The multiply-adds of one call."""
        return batch * (self.fixed + steps * self.per_step)

    def samples(self, steps: int, wanted: int) -> int:
        """How many random samples of this length, at most `wanted`, rule 1 allows."""
        affordable = RANDOM_WORK // max(1, self.of(1, steps))
        return min(wanted, max(FEWEST_SAMPLES, affordable))


@dataclass(frozen=True)
class Case:
    """Inputs that are judged together.

    Attributes:
        name: What they are, in words.
        feeds: One mapping of input name to array for each call; empty where the case is left out.
        extreme: Whether they lie outside what the model was made for, so that rounding may weigh
            more (compare/distance.py) and a source that refuses or overflows is no failure.
        drawn: Whether they are made up, so that a range measured on data says nothing of them.
        whole: The inputs without a batch axis.
        note: What was made smaller or left out, and why; empty where nothing was.
        fast_only: Whether it is not run on the reference kernels where there are fast ones.
    """

    name: str
    feeds: tuple[Mapping[str, Array], ...]
    extreme: bool = False
    drawn: bool = False
    whole: frozenset[str] = frozenset()
    note: str = ""
    fast_only: bool = False

    @property
    def batches(self) -> list[int]:
        """The different batch sizes of the feeds."""
        return sorted({self._batch(feed) for feed in self.feeds})

    def cost(self, inputs: Sequence[TensorSpec], work: Work) -> int:
        """The multiply-adds of one pass over the feeds."""
        return sum(work.of(self._batch(feed), turns(feed, inputs)) for feed in self.feeds)

    def _batch(self, feed: Mapping[str, Array]) -> int:
        return next((len(array) for name, array in feed.items() if name not in self.whole), 1)


def cases(
    samples: Samples,
    inputs: Sequence[TensorSpec],
    limits: Mapping[str, range],
    work: Work = Work(),
) -> Iterator[Case]:
    """Every case of a verification.

    Args:
        samples: What the config names; random input is added where that is a file.
        inputs: The model's inputs.
        limits: For an input of whole numbers, those it takes, where they are known.
        work: What a call costs.
    """
    whole = taken_whole(inputs)
    for case in _cases(samples, inputs, limits, whole, work):
        case = replace(case, whole=whole)  # noqa: PLW2901
        cost = case.cost(inputs, work)
        if case.extreme and cost > MADE_UP:
            why = f"on the fast kernels alone: one call takes {cost:.1g} multiply-adds"
            note = "; ".join(filter(None, (case.note, why)))
            case = replace(case, note=note, fast_only=True)  # noqa: PLW2901
        yield case


def _cases(
    samples: Samples,
    inputs: Sequence[TensorSpec],
    limits: Mapping[str, range],
    whole: frozenset[str],
    work: Work,
) -> Iterator[Case]:
    fixed = fixed_batch(inputs)
    yield _data(samples, fixed, whole)
    for batch in BATCHES if fixed is None else ():
        yield Case(f"batch {batch}", (rows(samples.inputs, 0, batch, whole),))

    def made_up(batch: int, wanted: int | None = None) -> tuple[dict[str, Array], str]:
        """Arrays like the data, `wanted` steps long or as long as it, and what was shortened."""
        like = rows(samples.inputs, 0, batch, whole)
        length = _length(like, inputs)
        asked = wanted or length
        steps = work.steps(batch, asked) if length else 0
        if steps == length:
            return like, ""
        return _resized(like, inputs, steps), _shortened(work, batch, asked, steps)

    batch = fixed or max(BATCHES)
    base, note = made_up(batch)
    if fixed is None and work.of(batch, turns(base, inputs)) > MADE_UP:
        base, note = made_up(1)
        note = note or f"1 sample in place of {batch}, as one call takes at most {MADE_UP:.1g}"
    rng = np.random.default_rng(0)
    random = _drawn(rng, base, inputs, limits)
    if samples.name != RANDOM:
        yield Case(RANDOM, (random,), drawn=True, note=note)
    if fixed is None and len(samples) < LARGE_BATCH:
        yield _large_batch(*made_up(LARGE_BATCH), inputs, limits, work)
    floats = [s.name for s in inputs if np.dtype(s.dtype).kind == "f" and s.name not in limits]
    for name, values in _extremes(random, floats):
        yield Case(name, (values,), extreme=True, note=note)
    for wanted in (1, LONG) if _length(base, inputs) else ():
        resized, note = made_up(fixed or 1, wanted)
        values = _drawn(rng, resized, inputs, limits)
        steps = _length(resized, inputs)
        yield Case(f"{steps} step{'s' * (steps > 1)}", (values,), extreme=True, note=note)


def _large_batch(
    like: Mapping[str, Array],
    note: str,
    inputs: Sequence[TensorSpec],
    limits: Mapping[str, range],
    work: Work,
) -> Case:
    name, cost = f"batch {LARGE_BATCH}", work.of(LARGE_BATCH, min(1, work.per_step))
    if cost > 10 * MADE_UP:
        why = f"one call takes {cost:.1g} multiply-adds, made-up input at most {10 * MADE_UP:.1g}"
        return Case(name, (), drawn=True, note=why)
    drawn = _drawn(np.random.default_rng(1), like, inputs, limits)
    return Case(name, (drawn,), drawn=True, note=note)


def _shortened(work: Work, batch: int, asked: int, steps: int) -> str:
    if steps == asked:
        return ""
    return (
        f"{steps} steps in place of {asked}, which take {work.of(batch, asked):.1g} multiply-adds;"
        f" made-up input takes at most {MADE_UP:.1g}"
    )


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


def _length(arrays: Mapping[str, Array], inputs: Sequence[TensorSpec]) -> int:
    """The steps of the inputs whose length is open; 0 where none is."""
    lengths = (arrays[s.name].shape[1] for s in inputs if _has_open_length(s))
    return next(lengths, 0)


def turns(arrays: Mapping[str, Array], inputs: Sequence[TensorSpec]) -> int:
    """How often a step is run: the open length; where none is, the longest closed one, at least 1.

    Args:
        arrays: By input name, [B, T, ...].
        inputs: The model's inputs.
    """
    sequences = [
        arrays[s.name].shape[1]
        for s in inputs
        if len(s.shape) > 2 or (len(s.shape) == 2 and np.dtype(s.dtype).kind != "f")
    ]
    return _length(arrays, inputs) or max(sequences, default=1)


def _has_open_length(spec: TensorSpec) -> bool:
    return len(spec.shape) > 1 and spec.shape[1] is None


def _resized(
    like: Mapping[str, Array], inputs: Sequence[TensorSpec], steps: int
) -> dict[str, Array]:
    """Arrays of the same batch with another number of steps, where the length is open."""
    resized = {}
    for spec in inputs:
        shape = list(like[spec.name].shape)
        if _has_open_length(spec):
            shape[1] = steps
        resized[spec.name] = np.empty(shape, spec.dtype)
    return resized
