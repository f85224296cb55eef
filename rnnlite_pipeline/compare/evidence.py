"""Two models are run on the same numbers, and what that proves is kept.

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
       evidence and `BUDGET` is spent, no more numbers are drawn. Where a run is not cheap, the new
       model runs on the default delegate alone.
    6. What computes in integers is rounded as its kernels like, and its roundings jump: each set of
       kernels is held to the old model on the same set, and where roundings move an output, that
       the two agree is evidence, and that they do not is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rnnlite_pipeline.compare.distance import Array, Arrays, Part, beyond, firm_parts, is_too_large
from rnnlite_pipeline.compare.draws import scaled
from rnnlite_pipeline.compare.roundings import SAMPLES, rounded, rounded_weights
from rnnlite_pipeline.graph.affine import computes_in_integers
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.runtimes.partition.runner import PartitionedRunner

#: The smallest scale of the numbers where larger ones tell nothing.
SMALLEST = 8.0**-4

#: A model that makes more multiply-adds in one run is run on one set of kernels.
CHEAP = 2e8

#: The multiply-adds after which no more numbers are drawn, if every output has evidence. Fast
#: kernels make some 5 in a nanosecond.
BUDGET = 4e9

#: How far outputs that roundings move may be apart and count as equal, as a part of their scale.
EQUAL = 1e-5

AnyRunner = Runner | PartitionedRunner


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
    """

    def __init__(
        self, old: Model, new: Model, evidence: Evidence, unsure: frozenset[str] = frozenset()
    ) -> None:
        self._old, self._new = old, new
        self.evidence, self._unsure = evidence, unsure
        self._in_integers = computes_in_integers(old)
        self._agreed: set[str] = set()
        self._doubted: set[str] = set()
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
        """Whether as many steps are still within the budget, or needed for evidence."""
        runs = 1 + SAMPLES + 2 * len(self._kernels)
        cost = runs * self.cost(steps, batch)
        if self.evidence.spent + cost > BUDGET and not self.evidence.missing:
            return False
        self.evidence.spent += cost
        return True

    @cached_property
    def reference(self) -> AnyRunner:
        """The old model."""
        return self._reference(self._old)

    @cached_property
    def runners(self) -> list[AnyRunner]:
        """The new model, on each set of kernels."""
        return [open_runner(self._new, k, stand_ins=True) for k in self._kernels]

    @property
    def _kernels(self) -> tuple[Kernels, ...]:
        return ("no_delegate", "default") if self.is_cheap else ("default",)

    @cached_property
    def _moved(self) -> list[tuple[int, AnyRunner]]:
        return [(s, self._reference(rounded_weights(self._old, s))) for s in range(SAMPLES)]

    def _reference(self, model: Model) -> AnyRunner:
        return open_runner(model, "no_delegate", stand_ins=True)

    def weigh(self, arrays: Arrays, proves: bool = True) -> None:
        """Runs both models on some numbers, or on smaller ones where these say nothing.

        Args:
            arrays: The inputs.
            proves: Whether agreement is evidence. On equal numbers, a reversed sequence agrees.
        """
        scale = 1.0
        while True:
            last = scale <= SMALLEST
            firm = self._weigh(arrays if scale == 1.0 else scaled(arrays, scale), last, proves)
            if firm or not self.evidence.missing or last:
                break
            scale /= 8.0

    def conclude(self) -> None:
        """Counts the unsure outputs that agreed on all numbers as proven."""
        self.evidence.proven |= self._agreed - self._doubted

    def _weigh(self, arrays: Arrays, last: bool = False, proves: bool = True) -> bool:
        """Rules 1, 2 and 4; whether every output was firm."""
        reference = self.reference.run(arrays)
        overflows = any(map(is_too_large, reference.values()))
        if overflows and not last:
            return False
        moved = [runner.run(rounded(arrays, seed)) for seed, runner in self._moved]
        parts = {n: firm_parts(a, [m[n] for m in moved]) for n, a in reference.items()}
        if any(parts.values()) or self._in_integers:
            held_to = self._held_to(arrays, reference)
            pairs = [
                (own, runner.run(arrays))
                for own, runner in zip(held_to, self.runners, strict=True)
                for _ in range(2)
            ]
            disagree = self._disagreement(pairs, parts)
            if self._in_integers:
                disagree |= dict.fromkeys(_equal_where_not_firm(pairs, parts), 0.0)
            for name, found in disagree.items():
                if found and overflows and np.isinf(found):
                    continue
                self._note(name, found, proves)
        firm = all(parts.values())
        if firm:
            self.settled = arrays, reference
        return firm

    def _disagreement(
        self, pairs: Sequence[tuple[Arrays, Arrays]], parts: Mapping[str, list[Part]]
    ) -> dict[str, float]:
        """How far each output that is firm somewhere is off there; 0 within its limits."""
        return {
            name: max(beyond(own[name], result[name], firm) for own, result in pairs)
            for name, firm in parts.items()
            if firm
        }

    def _held_to(self, arrays: Arrays, reference: Arrays) -> list[Arrays]:
        """What each runner is held to (rule 6)."""
        if not self._in_integers or "default" not in self._kernels:
            return [reference for _ in self._kernels]
        delegated = self._delegated.run(arrays)
        return [delegated if k == "default" else reference for k in self._kernels]

    @cached_property
    def _delegated(self) -> AnyRunner:
        return open_runner(self._old, "default", stand_ins=True)

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
        results = [self.runners[-1].run(large) for _ in range(2)]
        parts = {n: [Part((), 1e-4)] for n in reference}
        if all(_is_repeated(reference[n], r[n], parts[n]) for r in results for n in reference):
            return
        self._weigh(large)


def _equal_where_not_firm(
    pairs: Sequence[tuple[Arrays, Arrays]], parts: Mapping[str, list[Part]]
) -> list[str]:
    """The outputs that roundings move, and that are equal all the same (rule 6)."""
    whole = [Part((), EQUAL)]
    return [
        name
        for name, firm in parts.items()
        if not firm and all(beyond(own[name], result[name], whole) == 0 for own, result in pairs)
    ]


def both_have(old: Model) -> Evidence:
    """Evidence of nothing yet, for each of a model's outputs."""
    return Evidence(frozenset(name for name, _ in ports(old, "outputs")))


def _repeated(array: Array, entries: int, axis: int) -> Array:
    """The batch entries over and over, until there are as many."""
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
