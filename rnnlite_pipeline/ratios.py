"""Ratios of times measured in turns, with their intervals.

A ratio is that of two times of one round, so that what else the machine did fell on both. The
interval of the median is free of assumptions on how times are distributed: it lies between two of
the ordered ratios, which are chosen by the binomial distribution (Conover, Practical Nonparametric
Statistics, section 3.2).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

#: Wider than so many parts of the ratio, an interval tells nothing.
TELLS = 0.15

#: Standard deviations of a normal distribution within which 95 % are.
_DEVIATIONS = 1.96


@dataclass(frozen=True)
class Ratio:
    """A time as parts of another one.

    Attributes:
        median: Of the rounds.
        low: Where the median's interval of 95 % begins.
        high: Where it ends.
    """

    median: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether the interval is narrow enough to be read."""
        return self.high - self.low <= TELLS * self.median

    def __str__(self) -> str:
        interval = f"{self.low:.2f}-{self.high:.2f}"
        return f"{self.median:.2f}" if self.tells else f"cannot tell ({interval})"


def ratio(times: Sequence[float], reference: Sequence[float]) -> Ratio:
    """The ratio of two times, round by round.

    Args:
        times: One for each round.
        reference: Of the same rounds.
    """
    ordered = sorted(a / b for a, b in zip(times, reference, strict=True))
    count = len(ordered)
    away = _DEVIATIONS * sqrt(count) / 2
    low, high = max(0, int(count / 2 - away)), min(count - 1, int(count / 2 + away) + 1)
    return Ratio(statistics.median(ordered), ordered[low], ordered[high])
