"""Times several things beside each other on a machine that does other work as well.

All are timed in turns, so that what else the machine does falls on all alike; and in many rounds,
each shorter than the turns that the system gives to other processes, so that the median is of
rounds that were not interrupted. (With eight busy processes on two processors, the medians of calls
well below a millisecond change by some hundredths; in rounds of 20 ms, by a factor of 2.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

#: About how long each runs in a round, in seconds; and all in all rounds, if that gives at least
#: the fewer and at most the more rounds.
SECONDS, TOTAL = 0.001, 10.0
FEWEST, MOST = 11, 151

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
    once = {key: max(_seconds(call, 3, clock), 1e-9) for key, call in calls.items()}
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
