"""Several things timed in turns, by a clock that is told what to say."""

from __future__ import annotations

from rnnlite_pipeline.timing import FEWEST, MOST, SECONDS, timed


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
