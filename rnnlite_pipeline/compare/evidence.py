"""Runs two models on the same numbers and records what that proves.

Rules:
    1. The old model runs once, and `SAMPLES` times with every number rounded, on the optimized
       kernels without a delegate. (The reference kernels are slow, and their LOGISTIC is exp(z)
       below -9, which is 1e-4 of its value too much: kernels/internal/reference/logistic.h.) Only
       where that shows its results to be firm (distance.py) does it say anything of the new one.
    2. The new model runs twice on each of its sets of kernels, so that a state that leaks from
       call to call counts as a difference.
    3. Where an output is not firm and was not on other numbers, the same numbers are taken 8 times
       smaller, down to `SMALLEST`.
    4. Where any output overflows, so may a state behind another one: such numbers say nothing,
       unless the smallest overflow, too. Then the parts that are finite say something where they
       are finite in both.
    5. What the runs cost is counted before they are made (`multiply_adds`). Once every output has
       evidence, the pair has been run on a first draw, and `BUDGET` is spent, no more numbers are
       drawn. Where a run is not cheap, the new model runs on the default delegate alone.
    6. What computes in integers is rounded as its kernels like, and its roundings jump: each set of
       kernels is held to the old model on the same set, and where roundings move an output, that
       the two agree is evidence, and that they do not is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rnnlite_pipeline.compare.distance import Array, Arrays
from rnnlite_pipeline.compare.draws import Draw, scaled
from rnnlite_pipeline.compare.firm import Part, beyond, firm_parts, is_too_large
from rnnlite_pipeline.compare.opened import CALLS, Opened
from rnnlite_pipeline.compare.roundings import SAMPLES, float_constants
from rnnlite_pipeline.graph.affine import computes_in_integers
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.runtimes.interpreter import Kernels

#: The smallest scale of the numbers where larger ones tell nothing.
SMALLEST = 8.0**-4

#: A model that makes more multiply-adds in one run is run on one set of kernels.
CHEAP = 2e8

#: Interpreters of a model with fewer bytes of weights are kept, if its runs are cheap.
SMALL = 2**24

#: The multiply-adds after which no more numbers are drawn, if every output has evidence. Fast
#: kernels make some 5 in a nanosecond.
BUDGET = 4e9

#: How far outputs that roundings move may be apart and count as equal, as a part of their scale.
EQUAL = 1e-5

#: A set of inputs, and whether agreement on it is evidence.
Try = tuple[Arrays, bool]


@dataclass
class Evidence:
    """What runs of two models have shown.

    Attributes:
        outputs: The outputs to be proven.
        proven: Those that agreed where they were firm.
        difference: The largest difference beyond roundings, as a part of the output's scale.
        spent: The multiply-adds made for it.
    """

    outputs: frozenset[str]
    proven: set[str] = field(default_factory=set)
    difference: float = 0.0
    spent: float = 0.0

    @property
    def missing(self) -> list[str]:
        """The outputs for which no numbers gave evidence."""
        return sorted(self.outputs - self.proven)


class Pair:
    """Two models of one interface, ready to run.

    Args:
        old: The reference.
        new: What is held to it.
        evidence: What is known of them; grows.
        unsure: Outputs that prove something where they agree, and nothing where they do not.
        exact: Whether weights that are whole numbers are not rounded.
    """

    def __init__(
        self,
        old: Model,
        new: Model,
        evidence: Evidence,
        unsure: frozenset[str] = frozenset(),
        *,
        exact: bool = False,
    ) -> None:
        self._old, self.new = old, new
        self.evidence, self._unsure, self._exact = evidence, unsure, exact
        self._in_integers = computes_in_integers(old)
        self._agreed: set[str] = set()
        self._doubted: set[str] = set()
        self._began = False
        counted = multiply_adds(old)
        self._fixed, self._per_step = counted["fixed"], counted["per_step"]
        shapes = [t.shape or () for op in old.main.ops for t in (*op.inputs, *op.outputs) if t]
        self._steps = max((d for s in shapes if len(s) == 3 for d in s[:2]), default=1)
        #: The last inputs that every output was firm on, and what the old model made of them.
        self.settled: tuple[Arrays, Arrays] | None = None

    def cost(self, steps: int, batch: int) -> int:
        """The multiply-adds of one run of the old model.

        Args:
            steps: T, where it is open.
            batch: B.
        """
        return batch * (self._fixed + self._per_step * max(steps, self._steps))

    @cached_property
    def is_cheap(self) -> bool:
        """Whether a run of nine steps and three batch entries is."""
        return self.cost(steps=9, batch=3) < CHEAP

    def affords(self, steps: int, batch: int) -> bool:
        """Whether as many steps are still within the budget; spends them if so."""
        cost = (1 + SAMPLES + CALLS * len(self._kernels)) * self.cost(steps, batch)
        if self.evidence.spent + cost > BUDGET and self._began:
            return False
        self._began = True
        self.evidence.spent += cost
        return True

    def weigh_draws(self, draws: Sequence[Draw], drawn: Callable[[int], Arrays]) -> None:
        """Weighs one draw after the other, as many as are affordable together.

        Args:
            draws: In order.
            drawn: The numbers of one of them, by its place.
        """
        place = 0
        while place < len(draws) and not self.evidence.difference:
            self._began &= not self.evidence.missing
            first = place
            while place < len(draws) and self.affords(draws[place].steps, draws[place].batch):
                place += 1
            if place == first:
                return
            self.weigh([(drawn(k), draws[k].proves) for k in range(first, place)])

    @cached_property
    def opened(self) -> Opened:
        """Both models, to be run."""
        weights = sum(len(t.data or b"") for t in float_constants(self._old))
        keeps = self.is_cheap and weights < SMALL
        return Opened(self._old, self.new, keeps=keeps, exact=self._exact)

    @property
    def _kernels(self) -> tuple[Kernels, ...]:
        return ("no_delegate", "default") if self.is_cheap else ("default",)

    def weigh(self, tries: Sequence[Try]) -> None:
        """Runs both models on some numbers, and on smaller ones where these say nothing.

        Args:
            tries: Sets of inputs, each with whether agreement is evidence. On equal numbers, a
                reversed sequence agrees.
        """
        scale = 1.0
        while tries:
            last = scale <= SMALLEST
            firm = self._weigh(tries, last)
            if last or not self.evidence.missing:
                return
            scale /= 8.0
            rest = (each for each, is_firm in zip(tries, firm, strict=True) if not is_firm)
            tries = [(scaled(arrays, 1 / 8), proves) for arrays, proves in rest]

    def conclude(self) -> None:
        """Counts the unsure outputs that agreed on all numbers as proven."""
        self.evidence.proven |= self._agreed - self._doubted

    def _weigh(self, tries: Sequence[Try], last: bool = False) -> list[bool]:
        """Rules 1, 2 and 4; whether every output was firm, of each set of inputs."""
        references = self.opened.old([arrays for arrays, _ in tries])
        overflows = [any(map(is_too_large, r.values())) for r in references]
        told = [k for k in range(len(tries)) if last or not overflows[k]]
        inputs = [tries[k][0] for k in told]
        moved = self.opened.rounded(inputs) if told else []
        parts = [
            {n: firm_parts(a, [m[n] for m in samples]) for n, a in references[k].items()}
            for k, samples in zip(told, moved, strict=True)
        ]
        shown = [p for p in range(len(told)) if any(parts[p].values()) or self._in_integers]
        results = self._new_results(
            [inputs[p] for p in shown], [references[told[p]] for p in shown]
        )
        for p, pairs in zip(shown, results, strict=True):
            self._judge(pairs, parts[p], overflows[told[p]], tries[told[p]][1])
        firm = {told[p]: all(parts[p].values()) for p in range(len(told))}
        for k in (k for k, is_firm in firm.items() if is_firm):
            self.settled = tries[k][0], references[k]
        return [firm.get(k, False) for k in range(len(tries))]

    def _new_results(
        self, inputs: Sequence[Arrays], references: Sequence[Arrays]
    ) -> list[list[tuple[Arrays, Arrays]]]:
        """Of each set of inputs, what each call of the new model is held to, and what it gave."""
        found: list[list[tuple[Arrays, Arrays]]] = [[] for _ in inputs]
        for kernels in self._kernels if inputs else ():
            held_to = self._held_to(inputs, references, kernels)
            calls = self.opened.new(inputs, kernels)
            for pairs, own, results in zip(found, held_to, calls, strict=True):
                pairs += [(own, result) for result in results]
        return found

    def _judge(
        self,
        pairs: Sequence[tuple[Arrays, Arrays]],
        parts: Mapping[str, list[Part]],
        overflows: bool,
        proves: bool,
    ) -> None:
        disagree = self._disagreement(pairs, parts)
        if self._in_integers:
            disagree |= dict.fromkeys(_equal_where_not_firm(pairs, parts), 0.0)
        for name, found in disagree.items():
            if found and overflows and np.isinf(found):
                continue
            self._note(name, found, proves)

    def _disagreement(
        self, pairs: Sequence[tuple[Arrays, Arrays]], parts: Mapping[str, list[Part]]
    ) -> dict[str, float]:
        """How much each output is wrong in its firm parts; 0 within its limits."""
        return {
            name: max(beyond(own[name], result[name], firm) for own, result in pairs)
            for name, firm in parts.items()
            if firm
        }

    def _held_to(
        self, inputs: Sequence[Arrays], references: Sequence[Arrays], kernels: Kernels
    ) -> Sequence[Arrays]:
        """What a set of kernels is held to (rule 6)."""
        if self._in_integers and kernels == "default":
            return self.opened.old(inputs, "default")
        return references

    def _note(self, name: str, found: float, proves: bool) -> None:
        unsure = name in self._unsure
        if found and unsure:
            self._doubted.add(name)
        elif found:
            self.evidence.difference = max(self.evidence.difference, found)
        elif proves:
            (self._agreed if unsure else self.evidence.proven).add(name)

    def repeat(self, entries: int, axes: Mapping[str, int]) -> None:
        """Runs the new model on a large batch, its entries those of a small one over and over.

        A state that has too little memory for the batch shows. The old model runs only where the
        results are not those of the small batch, over and over as well.

        Args:
            entries: How large the batch is.
            axes: The batch's axis of each input that has one.
        """
        if self.settled is None or not axes:
            return
        small, reference = self.settled
        large = {n: _repeated(a, entries, axes[n]) if n in axes else a for n, a in small.items()}
        (results,) = self.opened.new([large], self._kernels[-1])
        parts = {n: _whole(a, 1e-4) for n, a in reference.items()}
        if all(_is_repeated(reference[n], r[n], parts[n]) for r in results for n in reference):
            return
        self._weigh([(large, True)])


def _equal_where_not_firm(
    pairs: Sequence[tuple[Arrays, Arrays]], parts: Mapping[str, list[Part]]
) -> list[str]:
    """The outputs that roundings move, and that are equal all the same (rule 6)."""
    return [
        name
        for name, firm in parts.items()
        if not firm
        and all(beyond(own[name], r[name], _whole(own[name], EQUAL)) == 0 for own, r in pairs)
    ]


def _whole(array: Array, limit: float) -> list[Part]:
    """A whole output as one part; whole numbers are equal, whatever the limit is."""
    return [Part((), limit if array.dtype.kind in "fc" else 0.0)]


def both_have(old: Model) -> Evidence:
    """The initial evidence for each of a model's outputs: none."""
    return Evidence(frozenset(name for name, _ in ports(old, "outputs")))


def _repeated(array: Array, entries: int, axis: int) -> Array:
    """The batch entries, repeated up to a number of entries."""
    return np.asarray(np.take(array, np.arange(entries) % array.shape[axis], axis))


def _is_repeated(small: Array, large: Array, parts: list[Part]) -> bool:
    """Whether a result is another over and over along some axis, or just the other."""
    candidates = [small] if small.shape == large.shape else []
    candidates += [
        _repeated(small, large.shape[axis], axis)
        for axis in range(small.ndim)
        if small.ndim == large.ndim and small.shape[axis]
    ]
    fitting = (c for c in candidates if c.shape == large.shape)
    return any(beyond(c, large, parts) == 0 for c in fitting)
