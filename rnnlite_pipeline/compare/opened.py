"""The interpreters of two models that are compared: kept, or opened for each use.

Rules:
    1. Interpreters of small models are kept between runs. Of others one at a time is open: each
       holds the weights once in its file and once more as its kernels pack them, and the arena.
    2. The old model with its weights rounded is its file with these numbers off by one rounding,
       so the graph is written once for all samples.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from rnnlite_pipeline.compare.distance import Arrays
from rnnlite_pipeline.compare.roundings import SAMPLES, rounded, rounded_file, rounded_weights
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_located
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.partition import has_foreign_ops, open_runner
from rnnlite_pipeline.runtimes.partition.runner import PartitionedRunner

AnyRunner = Runner | PartitionedRunner

#: How often the new model is called on the same numbers: a state may leak from call to call.
CALLS = 2

#: Which model: the old one, the new one, or the old one rounded, by its sample.
Which = Literal["old", "new"] | int


class Opened:
    """Runs either model, and the old one rounded.

    Args:
        old: The reference.
        new: What is held to it.
        keeps: Whether interpreters are kept.
        exact: Whether weights that are whole numbers are not rounded.
    """

    def __init__(self, old: Model, new: Model, *, keeps: bool, exact: bool = False) -> None:
        self._old, self._new, self._keeps, self._exact = old, new, keeps, exact
        self._runners: dict[tuple[Which, Kernels], AnyRunner] = {}
        self._file: tuple[bytes, list[slice]] | None = None

    def old(self, inputs: Sequence[Arrays], kernels: Kernels = "no_delegate") -> list[Arrays]:
        """The old model's results on each set of inputs."""
        runner = self._runner("old", kernels, self._open_old)
        return [runner.run(arrays) for arrays in inputs]

    def rounded(self, inputs: Sequence[Arrays]) -> list[list[Arrays]]:
        """The same with every weight and input changed by one rounding: all samples of each set."""
        return list(
            map(list, zip(*map(partial(self._sample, inputs), range(SAMPLES)), strict=True))
        )

    def new(self, inputs: Sequence[Arrays], kernels: Kernels) -> list[list[Arrays]]:
        """The new model's results: of each set, `CALLS` calls in a row."""
        runner = self._runner("new", kernels, self._open_new)
        return [[runner.run(arrays) for _ in range(CALLS)] for arrays in inputs]

    def _sample(self, inputs: Sequence[Arrays], sample: int) -> list[Arrays]:
        runner = self._runner(sample, "no_delegate", partial(self._open_rounded, sample))
        return [runner.run(rounded(arrays, sample)) for arrays in inputs]

    def _runner(
        self, which: Which, kernels: Kernels, open_: Callable[[Kernels], AnyRunner]
    ) -> AnyRunner:
        """Rule 1."""
        runner = self._runners.get((which, kernels))
        if runner is None:
            runner = open_(kernels)
            if self._keeps:
                self._runners[which, kernels] = runner
        return runner

    def _open_new(self, kernels: Kernels) -> AnyRunner:
        return open_runner(self._new, kernels, stand_ins=True)

    def _open_old(self, kernels: Kernels) -> AnyRunner:
        if has_foreign_ops(self._old):
            return open_runner(self._old, kernels, stand_ins=True)
        return Runner(self._written()[0], kernels)

    def _open_rounded(self, sample: int, kernels: Kernels) -> AnyRunner:
        if has_foreign_ops(self._old):
            moved = rounded_weights(self._old, sample, exact=self._exact)
            return open_runner(moved, kernels, stand_ins=True)
        content, places = self._written()
        file = io.BytesIO(content)
        del content  # then the file is rounded where it is, and not copied
        return Runner(rounded_file(file, places, sample, exact=self._exact), kernels)

    def _written(self) -> tuple[bytes, list[slice]]:
        """Rule 2."""
        file = self._file or write_located(self._old)
        if self._keeps:
            self._file = file
        return file
