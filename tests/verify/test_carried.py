"""A source whose caller carries its states is called as a model that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.state.description import Carried
from rnnlite_pipeline.verify.carried import fed_by_hand, inputs_left, outputs_left

SPECS = tuple(TensorSpec(name, "float32", (None, 2)) for name in ("x", "h"))
RESULTS = tuple(TensorSpec(name, "float32", (None, 2)) for name in ("new", "y"))
KEPT = (State("sum/h", np.zeros((1, 2), np.float32)),)
PAIR = (Carried("h", "new", ("sum/h",)),)
PERSIST = Description("persist", KEPT, {}, PAIR)
RESET = Description("reset", (), {}, PAIR)
X = np.ones((3, 2), np.float32)


def source() -> SourceModel:
    """A step of a running sum: its caller gives h, and gets it back as `new`."""

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        total = inputs["x"] + inputs["h"]
        return {"new": total, "y": 2 * total}

    return SourceModel(SPECS, RESULTS, lambda: None, run)


def test_a_source_without_such_states_is_itself() -> None:
    """Nothing is taken away from it."""
    plain = source()
    assert fed_by_hand(plain, Description("persist", KEPT)) is plain


def test_the_model_has_neither_the_input_nor_the_output() -> None:
    """What is left are the ones that the model has too."""
    by_hand = fed_by_hand(source(), PERSIST)
    assert [spec.name for spec in by_hand.inputs] == ["x"]
    assert [spec.name for spec in by_hand.outputs] == ["y"]
    assert inputs_left(SPECS, PERSIST) == [SPECS[0]]
    assert outputs_left(RESULTS, PERSIST) == [RESULTS[1]]
    assert [name for name, _ in by_hand.states] == ["sum/h"]


def test_calls_go_on_from_what_the_source_gave() -> None:
    """The first starts from zeros, of the batch of the call; a new run starts again."""
    by_hand = fed_by_hand(source(), PERSIST)
    assert by_hand.resume is not None
    for _ in range(2):
        assert by_hand.run({"x": X})["y"].tolist() == (2 * X).tolist()
        assert by_hand.resume({"x": X})["y"].tolist() == (4 * X).tolist()
        assert by_hand.resume({"x": X})["y"].tolist() == (6 * X).tolist()


def test_under_reset_no_call_goes_on() -> None:
    """Each call starts from zeros, and the source has no states."""
    by_hand = fed_by_hand(source(), RESET)
    assert by_hand.resume is None
    assert by_hand.states == ()
    assert [by_hand.run({"x": X})["y"].tolist() for _ in range(2)] == [(2 * X).tolist()] * 2


def test_kernels_that_round_otherwise_are_fed_by_hand_too() -> None:
    """The source on a set of kernels carries states of its own."""
    on = replace(source(), on=lambda _: source())
    by_hand = fed_by_hand(on, PERSIST)
    assert by_hand.on is not None
    fast = by_hand.on("default")
    assert fast.resume is not None
    assert fast.run({"x": X})["y"].tolist() == (2 * X).tolist()
    assert by_hand.run({"x": 5 * X})["y"].tolist() == (10 * X).tolist()
    assert fast.resume({"x": X})["y"].tolist() == (4 * X).tolist()
