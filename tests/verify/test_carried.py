"""A source is fed by hand with its own states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.state.description import Carried
from rnnlite_pipeline.verify.carried import fed_by_hand

X, SUM = TensorSpec("x", "float32", (1, 2)), TensorSpec("sum", "float32", (1, 2))
STATES = (State("layer/h", np.zeros((1, 2), np.float32)),)
PERSIST = Description("persist", STATES, carried=(Carried("sum", "next", ("layer/h",)),))


def _run(inputs: Mapping[str, Array]) -> dict[str, Array]:
    total = inputs["x"] + inputs["sum"]
    return {"y": 2 * total, "next": total}


SOURCE = SourceModel(
    (X, SUM), (replace(X, name="y"), replace(SUM, name="next")), lambda: None, _run
)


def test_each_call_gets_what_the_one_before_gave() -> None:
    """A run starts from zeros; neither the input nor the output of the state is there."""
    source, one = fed_by_hand(SOURCE, PERSIST), {"x": np.ones((1, 2), np.float32)}
    assert [s.name for s in (*source.inputs, *source.outputs)] == ["x", "y"]
    assert [name for name, _ in source.states] == ["layer/h"]
    assert source.resume is not None
    calls = [source.run(one), source.resume(one), source.resume(one), source.run(one)]
    assert [call["y"].tolist() for call in calls] == [[[2 * k, 2 * k]] for k in (1, 2, 3, 1)]
    assert calls[0].keys() == {"y"}


def test_a_source_of_which_nothing_is_carried_is_itself() -> None:
    """Nothing is put around it."""
    assert fed_by_hand(SOURCE, Description()) is SOURCE


def test_kernels_that_round_otherwise_are_fed_by_hand_too() -> None:
    """A file that computes in integers is the source on each set of kernels."""
    asked: list[str] = []

    def on(kernels: str) -> SourceModel:
        asked.append(kernels)
        return SOURCE

    source = fed_by_hand(replace(SOURCE, on=on), PERSIST)
    assert source.on is not None
    assert [spec.name for spec in source.on("reference").inputs] == ["x"]
    assert asked == ["reference"]


def test_under_reset_nothing_goes_on() -> None:
    """There is no call that starts from the one before."""
    reset = Description("reset", carried=(Carried("sum", "next", ("layer/h",)),))
    source = fed_by_hand(SOURCE, reset)
    assert source.resume is None
    assert source.states == ()
