"""Verification of states sees every fault that is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.graph.ir import OPEN, Model, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.report.evidence import Check
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.cases import MADE_UP, Work
from rnnlite_pipeline.verify.states import STEPS, Streaming, check_policy, with_states

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


@pytest.mark.parametrize(
    ("per_step", "batch", "steps"),
    [(1, 2, STEPS), (MADE_UP // 10, 1, 10), (2 * MADE_UP, 1, 2)],
)
def test_calls_stay_within_the_budget(per_step: int, batch: int, steps: int) -> None:
    """What a call costs decides the batch and the steps; two steps are the least."""
    shapes = list[tuple[int, ...]]()
    source = _source(keeps=False)

    class Seen(Fake):
        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            shapes.append(inputs["x"].shape)
            return super().run(inputs)

    streaming = Streaming(source, PERSIST, work=Work(per_step=per_step))
    assert not _failed(streaming.checks(Started(Seen(), PERSIST), "default", 1e-5))
    assert shapes[0] == (batch, steps, 2)
    assert streaming.fast_only == (per_step > MADE_UP)
    assert bool(streaming.note) == (steps < STEPS)
    assert streaming.cost >= sum(np.prod(shape[:2]) for shape in shapes) * per_step


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


def test_the_states_of_the_interface() -> None:
    """They stand behind the source's own, in the dtype that the model has for them."""
    x = TensorSpec("x", "float32", (None, None, 2))
    states = (State("a", np.zeros((1, 2), np.float32)), State("b", np.zeros((3, 4), np.float32)))
    tensors = [Tensor("a_in", "FLOAT32", (OPEN, 2)), Tensor("b_in", "INT8", (3, 4))]
    model = Model([Subgraph("main", tensors)])
    inputs, outputs = with_states(model, Description("explicit", states), [x], [x])
    assert inputs == [
        x, TensorSpec("a_in", "float32", (None, 2)), TensorSpec("b_in", "int8", (3, 4))
    ]  # fmt: skip
    assert outputs == [
        x, TensorSpec("a_out", "float32", (None, 2)), TensorSpec("b_out", "int8", (3, 4))
    ]  # fmt: skip
    assert with_states(model, Description("persist", states), [x], [x]) == ([x], [x])


def judged(
    outputs: Callable[[Array, Array], dict[str, Array]], spec: TensorSpec, time: int
) -> dict[str, bool]:
    """Whether a model of these outputs passes in all pieces; its state is the sum of its input."""
    source = SourceModel((spec,), (), lambda: None, lambda _: {})

    class Model:
        """A model that keeps its state."""

        h = np.zeros(2, np.float32)

        def reset(self) -> None:
            """Its first state."""
            self.h = np.zeros(2, np.float32)

        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            """The outputs, and the next state."""
            x = inputs["x"]
            results = outputs(x, self.h)
            self.h = self.h + x.sum()
            return results

    states = Description("persist", STATES, {"x": time})
    checks = list(Streaming(source, states).checks(Started(Model(), states), "default", 1e-5))
    return {str(c.output): c.passed for c in sorted(checks, key=lambda c: c.passed, reverse=True)}


def test_outputs_of_every_form() -> None:
    """Time-major sequences are joined along time, and of what is no sequence the last one counts.

    What relates each step to each other step is not the whole in pieces, and that is a failed
    check.
    """

    def outputs(x: Array, h: Array) -> dict[str, Array]:
        return {
            "sequence": np.cumsum(x, 0) + h,
            "last": np.asarray(x.sum() + h[0]),
            "scores": np.einsum("tbf,sbf->ts", x, x),
            "mean": x.mean((0, 1)),
        }

    spec = TensorSpec("x", "float64", (None, None, 1))
    passed = judged(outputs, spec, 0)
    assert passed == {"sequence": False, "last": True, "scores": False, "mean": False}


def test_a_sequence_without_a_batch() -> None:
    """An input [T] is cut as well."""

    def outputs(x: Array, h: Array) -> dict[str, Array]:
        return {"y": np.cumsum(x) + h[0], "count": np.asarray(len(x))}

    spec = TensorSpec("x", "float64", (None,))
    assert judged(outputs, spec, 0) == {"y": True, "count": False}


def test_a_batch_that_is_open_behind_time() -> None:
    """The feeds have the steps of the test and the batch that is asked for."""
    spec = TensorSpec("x", "float32", (None, None, 3))
    source = SourceModel((spec,), (), lambda: None, lambda _: {})
    streaming = Streaming(source, Description("persist", STATES, {"x": 0}), batch=5)
    assert {feed["x"].shape for feed in streaming._feeds} == {(STEPS, 5, 3)}
