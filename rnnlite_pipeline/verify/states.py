"""Models that keep states between calls: started, continued, and fed a sequence in pieces.

Rules:
    1. Every other check starts from the first states: "call, reset, call" must give the first
       call's outputs again, and a state that is fed in must start as it is described.
    2. A sequence fed in pieces equals the sequence fed at once, on the same kernels, by absolute
       error and by signal to noise (noise.py). The error is recorded; 0 is to the last bit. A
       layer that mixes time steps apart from the recurrences, such as a pooling over time, makes a
       model for which that is not true, and it fails.
    3. Where the model's states are those that the source keeps, call after call equals the
       source's, and rule 2 holds as far as it does for the source. A source whose caller carries
       its states is fed by hand (carried.py).
    4. A call costs at most `MADE_UP` multiply-adds, counted before it is made (cases.py): one batch
       entry in place of two, and fewer steps, but two at least. What costs more nevertheless is run
       on the fast kernels alone, where there are some.
    5. A model that is calibrated is held to the source on the data: ranges that were measured on it
       say nothing of random input.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from rnnlite_pipeline.compare.batch_axis import draw
from rnnlite_pipeline.compare.distance import Difference, compare
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model
from rnnlite_pipeline.report.evidence import Check
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.cases import MADE_UP, Work
from rnnlite_pipeline.verify.data import random_shape
from rnnlite_pipeline.verify.noise import ratio

#: How long the sequence is that is fed in pieces.
STEPS = 12

#: How many calls on end are held to a source that keeps its states.
CALLS = 3

#: The work of a call where nobody has counted it.
_FREE = Work()

Outputs = dict[str, Array]
Call = Callable[[Mapping[str, Array]], Outputs]

_MIXES = (
    "A layer apart from the recurrences mixes time steps (a pooling, convolution, attention or "
    "normalization over time), or starts from what another computes. Set recurrent.state to "
    "reset, or convert the part of the model that can be fed in pieces."
)
_APART = "This is a bug of the conversion, please report it."


def with_states(
    model: Model, states: Description, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """The interface of a source, with the states that are inputs and outputs behind its own.

    A state is float32, or the integers that a loop carries it in, in and out alike.
    """
    if states.policy != "explicit":
        return list(inputs), list(outputs)
    shapes = {t.name: t.shape or () for t in model.main.inputs}
    dtypes = {t.name: NUMPY[t.dtype].name for t in model.main.inputs}
    batches = [next(iter(shapes.get(state.input, ())), OPEN) for state in states.states]
    sides = [
        [
            TensorSpec(
                name,
                dtypes.get(state.input, "float32"),
                (None if batch == OPEN else batch, *state.initial.shape[1:]),
            )
            for name, state, batch in zip(names, states.states, batches, strict=True)
        ]
        for names in ([s.input for s in states.states], [s.output for s in states.states])
    ]
    return [*inputs, *sides[0]], [*outputs, *sides[1]]


def check_policy(states: Description, setting: str, keeps: bool) -> Check:
    """Checks that the states of the model follow `recurrent.state`.

    Args:
        states: What the model says.
        setting: `recurrent.state`.
        keeps: Whether the source keeps states.
    """
    asked = ("persist" if keeps else "reset") if setting == "source" else setting
    said = states.policy if states.states else "reset"
    wrong = said != asked and bool(states.states or keeps)
    detail = f"{said} instead of {asked}" if wrong else ""
    return Check("states as in the config", not wrong, detail, "Run `rnnlite convert` again.")


def pieces_of(steps: int) -> dict[str, tuple[int, ...]]:
    """How a sequence is cut: the lengths of its pieces, by what they are called.

    >>> pieces_of(12)["uneven pieces"], pieces_of(3)["uneven pieces"]
    ((1, 5, 2, 4), (1, 2))
    """
    rest, uneven = steps, list[int]()
    for length in (1, 5, 2, steps):
        uneven.append(min(length, rest))
        rest -= uneven[-1]
    return {
        "pieces of 1 step": (1,) * steps,
        "2 pieces": (steps // 2, steps - steps // 2),
        "uneven pieces": tuple(filter(None, uneven)),
    }


class Streaming:
    """Rules 2 to 5, for one model.

    Args:
        source: The source.
        states: What the model says of its states; it has some.
        batch: The batch size, where the source leaves it open.
        work: What a call costs.
        data: Inputs for calls on end, as the source takes them; random ones where there are none.

    Attributes:
        note: Why the sequence is not fed in pieces, or what was made smaller; empty if neither.
        fast_only: Whether the reference kernels are left out where there are fast ones.
        cost: The multiply-adds on one set of kernels.
    """

    def __init__(
        self,
        source: SourceModel,
        states: Description,
        batch: int = 2,
        work: Work = _FREE,
        data: Sequence[Outputs] = (),
    ) -> None:
        self._source, self._time = source, states.time
        self._resume = source.resume if len(source.states) == len(states.states) else None
        if work.of(batch, STEPS) > MADE_UP:
            batch = 1
        self._steps = max(2, work.steps(batch, STEPS)) if self._time else 1
        rng, calls = np.random.default_rng(2), CALLS
        if states.carried and not self._time:
            calls = max(CALLS, min(STEPS, MADE_UP // max(1, work.of(batch, 1))))
        self._sequence = self._drawn(rng, batch)
        others = data[:calls] or [self._drawn(rng, batch) for _ in range(calls - 1)]
        self._feeds = list(others) if data else [self._sequence, *others]
        once = work.of(batch, self._steps)
        self.fast_only = once > MADE_UP
        self.cost = once * (len(self._feeds) + (1 + len(pieces_of(2)) if self._time else 0))
        self._expected = self._of_source()
        self._why_whole = "" if self._time else "no input's length is open"
        if self._time and self._resume is not None and not self._source_streams(self._resume):
            self._why_whole = "the source itself gives another result for pieces than at once"
        self.note = self._why_whole
        if self._time and self._steps < STEPS:
            fewer = (
                f"{self._steps} steps in place of {STEPS}, as a call takes {once:.1g} multiply-adds"
            )
            self.note = "; ".join(filter(None, (self.note, fewer)))

    def checks(
        self, model: Started, kernels: str, max_abs_error: float, min_snr_db: float = -math.inf
    ) -> Iterator[Check]:
        """Every check of a model on some kernels; the ratio is that of rule 2."""
        feeds = self._feeds if self._resume is not None else []
        results = [(model.resume if k else model.run)(feed) for k, feed in enumerate(feeds)]
        for number, (expected, found) in enumerate(
            zip(self._expected, results, strict=True), start=1
        ):
            for name, array in expected.items():
                difference = compare(array, found[name])
                yield _check(
                    "call after call equals the source",
                    difference,
                    max_abs_error,
                    data=f"call {number} on end",
                    kernels=kernels,
                    output=name,
                    remedy=_APART,
                )
        if self._why_whole:
            return
        whole = model.run(self._sequence)
        for what, lengths in pieces_of(self._steps).items():
            joined = self._in_pieces(model.run, model.resume, lengths, whole)
            for name, array in whole.items():
                difference = compare(array, joined[name])
                same = array.dtype.kind == "f" and not difference.what
                snr = ratio([array], [joined[name]]) if same else None
                yield _check(
                    "in pieces equals at once",
                    difference,
                    max_abs_error,
                    (snr, min_snr_db),
                    data=what,
                    kernels=kernels,
                    output=name,
                    remedy=_MIXES,
                )

    def _drawn(self, rng: np.random.Generator, batch: int) -> Outputs:
        feed = {}
        for spec in self._source.inputs:
            shape = list(random_shape(spec.shape, batch)) if spec.shape else []
            axis = self._time.get(spec.name)
            for k, length in enumerate(spec.shape):
                shape[k] = shape[k] if length is None else length
            if axis is not None:
                shape[axis] = self._steps
            if axis == 0 and spec.shape[1:2] == (None,):
                shape[1] = batch
            feed[spec.name] = draw(rng, spec, shape, self._source.limits)
        return feed

    def _of_source(self) -> list[Outputs]:
        if self._resume is None:
            return []
        first, *others = self._feeds
        return [self._source.run(first), *map(self._resume, others)]

    def _source_streams(self, resume: Call) -> bool:
        whole = self._source.run(self._sequence)
        halves = pieces_of(self._steps)["2 pieces"]
        joined = self._in_pieces(self._source.run, resume, halves, whole)
        found = {name: compare(array, joined[name]) for name, array in whole.items()}
        return all(difference.within(1e-4) for difference in found.values())

    def _in_pieces(
        self, run: Call, resume: Call, lengths: Sequence[int], whole: Mapping[str, Array]
    ) -> Outputs:
        """The outputs of the sequence in pieces, joined as the whole's are."""
        bounds = [0, *itertools.accumulate(lengths)]
        calls = []
        for start, stop in itertools.pairwise(bounds):
            feed = {
                name: np.take(array, range(start, stop), self._time[name])
                if name in self._time
                else array
                for name, array in self._sequence.items()
            }
            calls.append((run if start == 0 else resume)(feed))
        return {name: _joined([c[name] for c in calls], array) for name, array in whole.items()}


def _joined(pieces: Sequence[Array], whole: Array) -> Array:
    """The pieces along the axis that they are shorter on; the last where there is no such axis.

    Pieces of another form than rows of the whole, such as scores of each step with each other step,
    cannot be joined: then the last one has another shape than the whole, and is not equal to it.
    """
    first = pieces[0].shape
    shorter = [k for k, (p, n) in enumerate(zip(first, whole.shape, strict=False)) if p < n]
    if len(first) != whole.ndim or not shorter:
        return pieces[-1]
    others = {tuple(np.delete(piece.shape, shorter[0])) for piece in pieces}
    return np.concatenate(pieces, shorter[0]) if len(others) == 1 else pieces[-1]


def _check(
    name: str,
    difference: Difference,
    max_abs_error: float,
    noise: tuple[float | None, float] = (None, 0.0),
    *,
    data: str,
    kernels: str,
    output: str,
    remedy: str,
) -> Check:
    limit = difference.limit(max_abs_error)
    snr, least = noise
    passed = difference.error <= limit and (snr is None or snr >= least)
    return Check(
        name,
        passed,
        difference.what,
        remedy,
        data=data,
        kernels=kernels,
        output=output,
        max_abs_error=difference.error,
        scale=difference.scale,
        limit=limit,
        snr_db=snr,
        min_snr_db=None if snr is None or math.isinf(least) else least,
    )
