"""`quantization.scheme: auto`: what is tried, in which order, and what is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rnnlite_pipeline.config.conversion import Scheme
from rnnlite_pipeline.quantize.search import (
    Name,
    Trial,
    choose,
    pareto,
    restored,
    stored,
    trials,
    with_times,
)
from rnnlite_pipeline.report.search import searched

LAYERS = ("a", "b", "c", "d")

#: What each layer in integers costs of the accuracy.
COSTS: Mapping[str, float] = {"a": 0.01, "b": 0.30, "c": 0.02, "d": 0.20}


class Attempts:
    """Models of four layers of 10 bytes, 40 in float."""

    def __init__(
        self, costs: Mapping[str, float] = COSTS, refused: tuple[Scheme, ...] = ()
    ) -> None:
        self.costs, self.refused = costs, refused
        self.made: list[tuple[Scheme, tuple[str, ...]]] = []

    def __call__(self, names: Sequence[Name]) -> list[Trial]:
        """The trials of one round."""
        return [self._one(*name) for name in names]

    def _one(self, scheme: Scheme, skip: tuple[str, ...]) -> Trial:
        self.made.append((scheme, skip))
        if scheme in self.refused:
            return Trial(scheme, skip, "does not run")
        inside = () if scheme == "none" else tuple(n for n in LAYERS if n not in skip)
        cost = sum(self.costs[name] for name in inside)
        size = 10 * len(inside) + 40 * (len(LAYERS) - len(inside))
        return Trial(scheme, skip, "", size, cost, 0.9 - cost, cost, inside)


def test_a_scheme_that_passes_is_tried_once() -> None:
    """Nothing is left in float where nothing need be, and the smallest model is taken."""
    attempt = Attempts(dict.fromkeys(LAYERS, 0.0))
    tried = trials(attempt, ("none", "int8"), 0.0)
    assert attempt.made == [("none", ()), ("int8", ())]
    taken = choose(tried, 0.0)
    assert taken is not None
    assert taken.name == ("int8", ())


def test_one_layer_in_float_suffices() -> None:
    """Each is tried alone, and sets of two are not where one of them passes."""
    attempt = Attempts()
    tried = trials(attempt, ("none", "int8"), 0.25)
    assert attempt.made[2:] == [("int8", (name,)) for name in LAYERS]
    taken = choose(tried, 0.25)
    assert taken is not None
    assert taken.name == ("int8", ("b",))


def test_layers_are_added_in_the_order_of_what_they_cost() -> None:
    """The one that costs most is left in float first; the first set that passes ends the search."""
    attempt = Attempts()
    tried = trials(attempt, ("int8",), 0.03)
    assert attempt.made[5:] == [("int8", ("b", "d"))]
    taken = choose(tried, 0.03)
    assert taken is not None
    assert taken.skip == ("b", "d")
    assert taken.bytes == 100


def test_float_is_left_where_nothing_passes() -> None:
    """Of a scheme that never passes, one layer is left to quantize at last; float is taken."""
    attempt = Attempts()
    tried = trials(attempt, ("none", "int8"), 0.0)
    assert attempt.made[-1] == ("int8", ("b", "d", "c"))
    taken = choose(tried, 0.0)
    assert taken is not None
    assert taken.scheme == "none"


def test_what_does_not_run_is_told_and_not_taken() -> None:
    """It is tried once, whatever its layers; where nothing runs, nothing is taken."""
    tried = trials(Attempts(refused=("int8",)), ("none", "int8"), 0.0)
    assert tried[1].as_json() == {"scheme": "int8", "skip": [], "reason": "does not run"}
    assert tried[1] not in pareto(tried)
    nothing = trials(Attempts(refused=("none", "int8")), ("none", "int8"), 1.0)
    assert choose(nothing, 1.0) is None


def test_time_counts_for_the_table_and_not_for_the_choice() -> None:
    """A model that is larger and no better is on the front where it is faster; never taken."""
    tried = trials(Attempts(dict.fromkeys(LAYERS, 0.0)), ("none", "int8"), 0.0)
    assert [each.scheme for each in pareto(tried)] == ["int8"]
    timed = with_times(tried, {("none", ()): 1.0, ("int8", ()): 2.0})
    assert [each.scheme for each in pareto(timed)] == ["none", "int8"]
    taken = choose(timed, 0.0)
    assert taken is not None
    assert taken.scheme == "int8"


def test_schemes_are_tried_side_by_side() -> None:
    """One round has the next trials of all schemes, so that they can be made at the same time."""
    rounds: list[Sequence[Name]] = []
    attempt = Attempts()

    def one_round(names: Sequence[Name]) -> list[Trial]:
        rounds.append(names)
        return attempt(names)

    tried = trials(one_round, ("none", "dynamic_range", "int8"), 0.03)
    assert [len(names) for names in rounds] == [3, 8, 2]
    assert {scheme for scheme, _ in rounds[1]} == {"dynamic_range", "int8"}
    alone = [trials(Attempts(), (each,), 0.03) for each in ("none", "dynamic_range", "int8")]
    assert tried == [trial for each in alone for trial in each]


def test_a_trial_is_stored_to_the_last_bit() -> None:
    """What was measured in another process is what would have been measured here."""
    trial = Trial("int8", ("a", "b"), "", 7, 0.1 + 0.2, 1 / 3, 2e-17, ("c",))
    assert restored(stored(trial)) == trial
    refused = Trial("int8", (), "does not run")
    assert restored(stored(refused)) == refused


def test_an_infinite_error_is_valid_json() -> None:
    """A candidate may give NaN somewhere and pass all the same: its row is JSON, and is shown."""
    trial = Trial("float16", (), "", 10, float("inf"), 1.0, 0.0)
    told = trial.as_json() | {"pareto": False}
    assert json.loads(json.dumps(told, allow_nan=False))["error"] == "inf"
    shown = searched({"candidates": [told], "samples": 1})
    assert shown is not None
    assert "infinite" in str(shown.html)
    assert restored(stored(trial)) == trial
