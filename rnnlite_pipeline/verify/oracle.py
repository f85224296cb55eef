"""The results of the source in its own framework, with which the model is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.compare.batch_axis import Axes, batch_first
from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.sources.model import Array, SourceModel, first_line
from rnnlite_pipeline.verify.cases import Case

Outputs = dict[str, Array]

#: What the converted model gives for a feed, and what it gives with each weight off by a rounding.
OffByOne = Callable[[Mapping[str, Array]], tuple[Mapping[str, Array], Mapping[str, Array]]]


@dataclass(frozen=True)
class Answer:
    """The source's outputs for a case.

    Attributes:
        outputs: By output name, one mapping a feed of the case.
        rounding: For extreme input, by output name, how far the source's output moves when every
            input moves by one rounding (float32: 2^-23 of its value), up or down at random. If all
            inputs are indices, how far the converted model's moves when every weight does.
    """

    outputs: tuple[Outputs, ...]
    rounding: Mapping[str, float]


class Oracle:
    """Runs the source.

    Args:
        source: The opened source.
        off_by_one: The converted model, for `Answer.rounding`; None where that is not asked for.
    """

    def __init__(self, source: SourceModel, off_by_one: OffByOne | None = None) -> None:
        self.source, self._off_by_one = source, off_by_one
        self._repeatable = False

    def answer(self, case: Case) -> Answer | str:
        """The source's outputs, or why an extreme case does not apply to it.

        Raises:
            VerificationFailed: The source cannot run on its data, or answers otherwise when asked
                again.
        """
        try:
            outputs = tuple(self.source.run(feed) for feed in case.feeds)
        except Exception as error:  # whatever the source's layers raise
            if case.extreme:
                return f"the source refuses it: {first_line(error)}"
            raise VerificationFailed(
                f'The source cannot run on "{case.name}" input: {first_line(error)}',
                "Give data the model takes in verification.data.path, or pin its open dimensions "
                "in source.inputs.",
                ("verification", "data"),
            ) from error
        if case.extreme:
            if not all(_finite(array) for each in outputs for array in each.values()):
                return "the source overflows"
            return Answer(outputs, self._rounding(case, outputs))
        if not self._repeatable:
            self._check_repeatable(case, outputs)
        return Answer(outputs, {})

    def _rounding(self, case: Case, outputs: tuple[Outputs, ...]) -> dict[str, float]:
        rng, limits = np.random.default_rng(1), self.source.limits
        pairs: Iterable[tuple[Mapping[str, Array], Mapping[str, Array]]]
        if self._off_by_one and not any(_has_roundings(feed, limits) for feed in case.feeds):
            pairs = map(self._off_by_one, case.feeds)
        else:
            moved = (self.source.run(_nudged(rng, feed, limits)) for feed in case.feeds)
            pairs = zip(outputs, moved, strict=True)
        rounding = dict.fromkeys(outputs[0], 0.0)
        for before, after in pairs:
            for name in rounding:
                array = before[name]
                difference = compare(array, after[name])
                if array.dtype.kind == "f" and not difference.what:
                    rounding[name] = max(rounding[name], difference.error)
        return rounding

    def _check_repeatable(self, case: Case, outputs: tuple[Outputs, ...]) -> None:
        again = self.source.run(case.feeds[0])
        for name, array in outputs[0].items():
            if not np.array_equal(array, again[name], equal_nan=array.dtype.kind == "f"):
                raise VerificationFailed(
                    f'The source gives another result when it is called again (output "{name}", '
                    f'"{case.name}" input): it is random, or keeps state between calls.',
                    "Convert a model that is deterministic in inference.",
                )
        self._repeatable = True


def oracles(
    source: SourceModel, axes: Axes, kernels: Iterable[str], off_by_one: OffByOne | None = None
) -> dict[str, Oracle]:
    """For each set of kernels of the model, the source with which it is compared.

    It is one and the same, but for a file that computes in integers (`SourceModel.on`), whose
    kernels round differently; other kernels than the delegate's are held to the reference ones.
    """
    if source.on is None:
        return dict.fromkeys(kernels, Oracle(batch_first(source, axes), off_by_one))
    return {
        name: Oracle(batch_first(source_on(source, name), axes), off_by_one) for name in kernels
    }


def source_on(source: SourceModel, kernels: str) -> SourceModel:
    """The source as kernels that round like these run it."""
    if source.on is None:
        return source
    return source.on("default" if kernels == "default" else "reference")


def _nudged(
    rng: np.random.Generator, feed: Mapping[str, Array], limits: Mapping[str, range]
) -> Outputs:
    """Every float moved by one rounding, up or down; indices stay."""
    moved = dict(feed)
    for name, array in feed.items():
        if _rounds(name, array, limits):
            towards = rng.choice([-np.inf, np.inf], array.shape).astype(array.dtype)
            moved[name] = np.nextafter(array, towards)
    return moved


def _has_roundings(feed: Mapping[str, Array], limits: Mapping[str, range]) -> bool:
    return any(_rounds(name, array, limits) for name, array in feed.items())


def _rounds(name: str, array: Array, limits: Mapping[str, range]) -> bool:
    return array.dtype.kind == "f" and name not in limits


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
