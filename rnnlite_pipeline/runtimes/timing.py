"""Times several things beside each other on a machine that does other work as well; their ratios.

All are timed in turns, so that what else the machine does falls on all alike; and in many rounds,
each shorter than the turns that the system gives to other processes, so that the median is of
rounds that were not interrupted. (With eight busy processes on two processors, the medians of calls
well below a millisecond change by some hundredths; in rounds of 20 ms, by a factor of 2.)

A ratio is that of two times of one round. The interval of the median is free of assumptions on how
times are distributed: it lies between two of the ordered ratios, which are chosen by the binomial
distribution (Conover, Practical Nonparametric Statistics, section 3.2).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeVar

#: About how long each runs in a round, in seconds; and all in all rounds, if that gives at least
#: the fewer and at most the more rounds.
SECONDS, TOTAL = 0.001, 10.0
FEWEST, MOST = 11, 151

#: Seconds that a call is taken to last at least: a clock may stand still meanwhile.
SHORTEST = 1e-6

#: Wider than so many parts of the ratio, an interval tells nothing.
TELLS = 0.15

#: Standard deviations of a normal distribution within which 95 % are.
_DEVIATIONS = 1.96

Key = TypeVar("Key", bound=Hashable)


def timed(
    calls: Mapping[Key, Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> dict[Key, list[float]]:
    """Milliseconds a call of each, round by round.

    Args:
        calls: What is timed; each must have run once before.
        clock: What tells the time, in seconds. `time.thread_time` leaves out what other processes
            took, and the work of other threads.
    """
    once = {key: max(_seconds(call, 3, clock), SHORTEST) for key, call in calls.items()}
    times = {key: max(1, int(SECONDS / once[key])) for key in calls}
    together = sum(once[key] * times[key] for key in calls)
    rounds: dict[Key, list[float]] = {key: [] for key in calls}
    for _ in range(min(max(int(TOTAL / together), FEWEST), MOST)):
        for key, call in calls.items():
            rounds[key].append(1e3 * _seconds(call, times[key], clock))
    return rounds


def _seconds(call: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    """Seconds a call."""
    start = clock()
    for _ in range(times):
        call()
    return (clock() - start) / times


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
