"""Several things timed in turns, by a clock that is told what to say; ratios of their times."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.runtimes.timing import FEWEST, MOST, SECONDS, ratio, timed


class Work:
    """Calls that take a known time."""

    def __init__(self) -> None:
        self.now, self.order = 0.0, list[str]()

    def call(self, name: str, seconds: float) -> None:
        """Takes so long."""
        self.order.append(name)
        self.now += seconds

    def times(self, **seconds: float) -> dict[str, list[float]]:
        """What is measured of them."""
        calls = {name: (lambda n=name, s=s: self.call(n, s)) for name, s in seconds.items()}
        return timed(calls, lambda: self.now)


def test_milliseconds_a_call() -> None:
    """Each its own, in every round."""
    found = Work().times(a=0.25, b=0.5)
    assert {name: {round(t, 6) for t in each} for name, each in found.items()} == {
        "a": {250.0},
        "b": {500.0},
    }


def test_the_number_of_rounds_is_bounded() -> None:
    """Few for what is slow, not more than enough for what is quick."""
    assert len(Work().times(a=100.0)["a"]) == FEWEST
    assert len(Work().times(a=SECONDS / 1000)["a"]) == MOST


def test_rounds_go_in_turns_and_are_about_as_long() -> None:
    """What is ten times as quick runs ten times as often in each."""
    work = Work()
    work.times(a=SECONDS / 10, b=SECONDS)
    rounds = work.order[6:]
    turn = ["a"] * 10 + ["b"]
    assert rounds[: 2 * len(turn)] in (turn * 2, (["a"] * 9 + ["b"]) * 2)


def test_a_clock_that_stands_still_ends() -> None:
    """Nothing is divided by zero."""
    assert set(Work().times(a=0.0)["a"]) == {0.0}


def test_what_falls_on_both_times_of_a_round_does_not_count() -> None:
    """A round that takes ten times as long leaves the ratio as it is."""
    reference = [1.0, 10.0, 1.0, 10.0, 1.0, 1.0, 1.0]
    found = ratio([2 * time for time in reference], reference)
    assert (found.median, found.low, found.high) == (2.0, 2.0, 2.0)
    assert str(found) == "2.00"


def test_a_wide_interval_says_so() -> None:
    """A ratio of which 95 % lie too far apart is no number, but `cannot tell`."""
    noise = np.random.default_rng(0).lognormal(0, 1, 31)
    found = ratio(list(noise), [1.0] * 31)
    assert found.low < found.median < found.high
    assert str(found).startswith("cannot tell (")


def test_the_interval_holds_the_median_in_19_of_20_experiments() -> None:
    """Of many experiments with the ratio 1, some 95 % of the intervals hold 1."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = ratio(list(rng.lognormal(0, 0.3, 51)), [1.0] * 51)
        held += found.low <= 1.0 <= found.high
    assert 0.93 < held / 400 < 0.99
