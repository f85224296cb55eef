"""The signal-to-noise ratio of an output: what an absolute error alone does not show.

An error of 0.1 is small for a probability of 0.9 and everything for outputs that stay below 0.1:
there a model that gives zeros would pass. So beside the absolute error stands

    ratio = 10 log10(signal / noise) dB,    noise = mean (converted - source)^2,

over all finite values of an output in a case. The signal is what a constant could not say:

1. signal = mean (source - m)^2, with m the mean of each feature (last axis) over all samples and
   steps. An output that is stuck, at zeros, at its biases or at its means, has a ratio of at most
   0 dB, however large its values are.
2. An output that does not vary, by more than `CONSTANT` of its size, has no such signal; then
   signal = mean source^2. Where it is 0 throughout there is no ratio, and the absolute error
   judges alone.
3. Few samples vary by chance: a signal is at least that of the whole data (`floor`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.sources.model import Array

#: A standard deviation below this part of the root mean square is rounding.
CONSTANT = 1e-5

#: No ratio is said to be better: the noise is then that of float32 itself.
CEILING_DB = 150.0

_Row = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Signal:
    """Sums over the finite values of an output, by feature; those of several calls can be added.

    Attributes:
        count: How many values, [features].
        total: Their sum.
        squares: The sum of their squares.
    """

    count: _Row
    total: _Row
    squares: _Row

    @classmethod
    def of(cls, values: Array) -> Signal:
        """The sums over [..., features]; an output of rank 1 or 0 has one feature."""
        rows = _rows(values)
        finite = np.isfinite(rows)
        rows = np.where(finite, rows, 0.0)
        return cls(finite.sum(0).astype(np.float64), rows.sum(0), np.square(rows).sum(0))

    def __add__(self, other: Signal) -> Signal:
        """Of both calls; one that has other features is left out, as its shape is judged."""
        if self.count.shape != other.count.shape:
            return self
        return Signal(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )

    @property
    def power(self) -> float:
        """Rules 1 and 2: a mean square; 0 where there is no signal."""
        count, squares = float(self.count.sum()), float(self.squares.sum())
        if not count or not squares:
            return 0.0
        varies = squares - float((self.total**2 / np.maximum(self.count, 1)).sum())
        return (varies if varies > CONSTANT**2 * squares else squares) / count


def powers(calls: Sequence[Mapping[str, Array]]) -> dict[str, float]:
    """The power of each float output over some calls."""
    named: dict[str, Signal] = {}
    for outputs in calls:
        for name, values in outputs.items():
            if values.dtype.kind == "f":
                found = Signal.of(values)
                named[name] = named[name] + found if name in named else found
    return {name: signal.power for name, signal in named.items()}


def ratio(source: Sequence[Array], converted: Sequence[Array], floor: float = 0.0) -> float | None:
    """The ratio in dB of an output over some calls; None where it has none.

    Args:
        source: The source's output of each call.
        converted: The converted model's, of the same shapes.
        floor: The least power of the signal; rule 3.
    """
    signals = [Signal.of(values) for values in source]
    whole = signals[0]
    for signal in signals[1:]:
        whole += signal
    power, lost, count = max(whole.power, floor), 0.0, 0
    if not power:
        return None
    for one, other in zip(source, converted, strict=True):
        finite = np.isfinite(one)
        apart = one[finite].astype(np.float64) - other[finite].astype(np.float64)
        lost, count = lost + float(np.square(apart).sum()), count + apart.size
    noise = lost / max(count, 1)
    if not math.isfinite(noise):
        return -CEILING_DB
    if noise <= power * 10 ** (-CEILING_DB / 10):
        return CEILING_DB
    return round(float(10 * np.log10(power / noise)), 2)


def _rows(values: Array) -> _Row:
    """The values as [n, features] in float64."""
    features = values.shape[-1] if values.ndim > 1 else 1
    return np.asarray(values, np.float64).reshape(-1, features) if values.size else np.zeros((0, 1))
