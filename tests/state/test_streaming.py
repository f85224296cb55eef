"""Verification of states sees every fault that is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.report.evidence import Check
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.states import Streaming, check_policy

STATES = (State("sum/h", np.zeros((1, 2), np.float32)),)
PERSIST = Description("persist", STATES, {"x": 1})
EXPLICIT = Description("explicit", STATES, {"x": 1})

#: The running sum over time of x [B, T, 2], from a state [B, 2].
Step = Callable[[Array, Array], tuple[Array, Array]]


def running_sum(x: Array, h: Array) -> tuple[Array, Array]:
    """What every model here should compute."""
    y = h[:, None] + np.cumsum(x, axis=1)
    return y, y[:, -1]


class Fake:
    """A model in NumPy: keeps its state, or has it handed in and out."""

    def __init__(self, step: Step = running_sum, resets: bool = True) -> None:
        self.step, self.resets = step, resets
        self.h = np.zeros((1, 2), np.float32)

    def reset(self) -> None:
        """As a runner does, or not at all."""
        if self.resets:
            self.h = np.zeros((1, 2), np.float32)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """As a runner does."""
        h = inputs.get("sum/h_in", self.h)
        y, self.h = self.step(inputs["x"], h)
        return {"y": y} | ({"sum/h_out": self.h} if "sum/h_in" in inputs else {})


def _source(keeps: bool, length: int | None = None, mixes: bool = False) -> SourceModel:
    model = Fake(forgets_time if mixes else running_sum)

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        model.reset()
        return model.run(inputs)

    specs = [TensorSpec(name, "float32", (None, length, 2)) for name in ("x", "y")]
    return SourceModel(
        (specs[0],),
        (specs[1],),
        lambda: None,
        run,
        states=(("h", np.zeros((1, 2), np.float32)),) * keeps,
        resume=model.run if keeps else None,
    )


def drops_state(x: Array, h: Array) -> tuple[Array, Array]:
    """Starts anew at every call."""
    return running_sum(x, np.zeros_like(h))


def forgets_time(x: Array, h: Array) -> tuple[Array, Array]:
    """Takes the mean over what it is given: pieces are not the whole."""
    y, h = running_sum(x, h)
    return y - x.mean(axis=1, keepdims=True), h


def _failed(checks: Iterable[Check]) -> set[str]:
    return {check.name for check in checks if not check.passed}


@pytest.mark.parametrize("states", [PERSIST, EXPLICIT], ids=["persist", "explicit"])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_right_model_passes_and_its_error_is_recorded(keeps: bool, states: Description) -> None:
    """Every output, in three kinds of pieces; and call after call where the source keeps states."""
    streaming = Streaming(_source(keeps), states)
    checks = list(streaming.checks(Started(Fake(), states), "default", 1e-5))
    assert not _failed(checks)
    assert len(checks) == 3 + 3 * keeps
    assert all(check.max_abs_error is not None for check in checks)


def test_a_state_that_is_lost_fails() -> None:
    """A model that starts anew at every call fails both checks."""
    streaming = Streaming(_source(keeps=True), PERSIST)
    failed = _failed(streaming.checks(Started(Fake(drops_state), PERSIST), "default", 1e-5))
    assert failed == {"call after call equals the source", "in pieces equals at once"}


def test_a_reset_that_does_nothing_fails() -> None:
    """The sequence at once and its pieces then start from different states."""
    streaming, model = Streaming(_source(keeps=False), PERSIST), Fake(resets=False)
    assert _failed(streaming.checks(Started(model, PERSIST), "default", 1e-5))


def test_a_model_that_mixes_steps_fails_unless_its_source_streams_so() -> None:
    """A pooling over time fails; where the source does so itself, pieces are not judged."""
    model = Started(Fake(forgets_time), PERSIST)
    failed = _failed(Streaming(_source(keeps=False), PERSIST).checks(model, "default", 1e-5))
    assert failed == {"in pieces equals at once"}
    lenient = Streaming(_source(keeps=True, mixes=True), PERSIST)
    assert "the source itself" in lenient.note
    assert not _failed(lenient.checks(model, "default", 1e-5))


def test_a_fixed_length_is_not_cut() -> None:
    """It is said that pieces were not judged, and calls on end still are."""
    states = Description("persist", STATES, {})
    streaming = Streaming(_source(keeps=True, length=5), states)
    checks = list(streaming.checks(Started(Fake(), states), "default", 1e-5))
    assert streaming.note == "no input's length is open"
    assert [check.name for check in checks] == ["call after call equals the source"] * 3


@pytest.mark.parametrize(
    ("states", "setting", "keeps", "passed"),
    [
        (PERSIST, "persist", False, True),
        (PERSIST, "source", True, True),
        (Description(), "source", True, False),
        (Description(), "reset", True, True),
        (PERSIST, "explicit", False, False),
        (PERSIST, "source", False, False),
        (Description(), "persist", False, True),
    ],
)
def test_the_policy_is_held_to_the_config(
    states: Description, setting: str, keeps: bool, passed: bool
) -> None:
    """A model says what it does with its states; without any, there is nothing to say."""
    assert check_policy(states, setting, keeps).passed == passed
