"""Each call of a case is held to the source's answer, and the second one to the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare.batch_axis import Axes
from rnnlite_pipeline.state import Description
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.oracle import Answer
from rnnlite_pipeline.verify.runs import Bounds, calls_of, joined, judge_case, run_case, runs_of

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
BOUNDS = Bounds(1e-3, -np.inf)


def failed(
    *calls: tuple[Any, Any],
    source: Any = X,
    rounding: float | None = None,
    bounds: Bounds | None = BOUNDS,
    extreme: bool = False,
) -> dict[tuple[str, int | None], str]:
    """The checks that fail, by name and call, for the y of first and second calls."""
    arrays = [tuple({"y": np.asarray(y)} for y in call) for call in calls]
    case = Case("data", ({"x": X},) * len(calls), extreme=extreme)
    answer = Answer(
        tuple({"y": np.asarray(source)} for _ in calls),
        {} if rounding is None else {"y": rounding},
    )
    found: Any = tuple(arrays)
    checks, first = judge_case(found, "default", case, answer, bounds)
    assert first == tuple(call[0] for call in arrays)
    assert all(check.data == "data" and check.kernels == "default" for check in checks)
    return {(c.name, c.call): c.detail for c in checks if not c.passed}


SOURCE, REPEATED = "equals the source", "the second call equals the first"


def test_a_right_model() -> None:
    """Nothing fails, in any of several feeds."""
    assert not failed((X, X), (X, X))


def test_each_call_and_each_feed_count() -> None:
    """What differs in one call of one feed fails that call, and the repetition."""
    assert failed((X, X), (X, X + 0.1)) == {(SOURCE, 2): "", (REPEATED, None): "differs in y"}
    assert failed((X, X), (X + 0.1, X + 0.1)) == {(SOURCE, 1): "", (SOURCE, 2): ""}


def test_the_last_bit_of_a_second_call() -> None:
    """A leak within the tolerance is a leak; NaN is equal to itself, and -0.0 is not 0.0."""
    off = np.nextafter(X, np.array(2, np.float32))
    assert failed((X, off)) == {(REPEATED, None): "differs in y"}
    nan = np.full(3, np.nan, np.float32)
    assert not failed((nan, nan), source=nan)
    zero = np.zeros(2, np.float32)
    assert failed((zero, -zero), source=zero) == {(REPEATED, None): "differs in y"}


def test_the_tolerance_is_a_part_of_the_scale() -> None:
    """Of large outputs more passes, up to the limit itself."""
    assert not failed((1000 * X + 0.9, 1000 * X + 0.9), source=1000 * X)
    assert failed((1000 * X + 1.5, 1000 * X + 1.5), source=1000 * X)


def test_a_rounding_of_the_source_is_allowed() -> None:
    """Eight times as far as one rounding of the input moves the source."""
    assert not failed((X + 0.07, X + 0.07), rounding=0.01)
    assert failed((X + 0.09, X + 0.09), rounding=0.01)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (X[:2], "shape [2, 3] instead of [4, 3]"),
        (X.astype(np.int32), "dtype int32 instead of float32"),
        (np.where(X > 0.5, np.nan, X), "NaN or infinite where the source is finite"),
    ],
)
def test_what_is_no_number_apart(y: Any, said: str) -> None:
    """It fails in words, whatever a rounding does to the source."""
    assert failed((y, y), rounding=1e30) == {(SOURCE, 1): said, (SOURCE, 2): said}


def test_integers_are_equal() -> None:
    """There is no tolerance for them, and no ratio."""
    n = np.arange(5)
    assert failed((n, n), source=n + 1, bounds=Bounds(100.0, 10.0))
    assert not failed((n, n), source=n, bounds=Bounds(0.0, 10.0))


def test_noise_fails_where_the_error_passes() -> None:
    """On data; on extreme input only the error counts."""
    bounds = Bounds(10.0, 10.0)
    assert set(failed((0 * X, 0 * X), bounds=bounds)) == {(SOURCE, 1), (SOURCE, 2)}
    assert not failed((0 * X, 0 * X), bounds=bounds, extreme=True)


def test_the_power_of_the_data_is_the_least_signal() -> None:
    """Of few samples that hardly vary, the noise is compared with what the data varies by."""
    data = Answer(({"y": X, "n": np.arange(3)},), {})
    bounds = Bounds(1.0, 10.0).on(data)
    assert bounds.powers.keys() == {"y"}
    few, off = 1e-3 * X, 1e-3 * X + 1e-3
    assert not failed((off, off), source=few, bounds=bounds)
    assert failed((off, off), source=few, bounds=Bounds(1.0, 10.0))


def test_without_bounds_only_the_repetition_is_judged() -> None:
    """The error of a quantized model says nothing on some cases."""
    assert failed((0 * X, X), bounds=None) == {(REPEATED, None): "differs in y"}


def test_a_case_is_run_twice_feed_by_feed() -> None:
    """Both calls of a feed are made on end, so that a state that leaks shows."""
    seen = []

    def run(feed: Outputs) -> Outputs:
        seen.append(float(feed["x"][0]))
        return {"y": feed["x"] + len(seen)}

    feeds = tuple({"x": np.full(2, v, np.float32)} for v in (10, 20))
    calls = calls_of(run, Case("data", feeds))
    assert seen == [10, 10, 20, 20]
    assert [[float(call["y"][0]) for call in each] for each in calls] == [[11, 12], [23, 24]]
    answer = Answer(tuple({"y": feed["x"] + 1} for feed in feeds), {})
    checks, first = run_case(lambda feed: {"y": feed["x"] + 1}, "default", Case("data", feeds),
                             answer, BOUNDS)  # fmt: skip
    assert all(check.passed for check in checks)
    assert [check.batch for check in checks] == [(2,)] * 3
    assert len(first) == 2


class Model:
    """What a runner is to `runs_of`: it counts its calls since it was reset."""

    def __init__(self, kernels: str) -> None:
        self.kernels, self.calls = kernels, 0

    def reset(self) -> None:
        """The first state."""
        self.calls = 0

    def run(self, inputs: Outputs) -> dict[str, Array]:
        """x [T, N], as the model has it, plus the number of calls before."""
        self.calls += 1
        return {"y": inputs["x"] + self.calls - 1}


def test_a_model_runs_from_its_first_states_batch_first() -> None:
    """By kernels; each call starts anew, and the batch is turned to where the model has it."""
    models: Any = [Model("reference"), Model("default")]
    axes = Axes({"x": 1}, {"y": 1})
    runs = runs_of(models, Description("persist"), axes)
    assert runs.keys() == {"reference", "default"}
    run: Callable[[Outputs], Outputs] = runs["default"]
    for _ in range(2):
        np.testing.assert_allclose(run({"x": X})["y"], X, atol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "count", "length"),
    [
        ([X, X], 8, 8),
        ([X, X[:1]], 5, 5),
        ([X, X], 7, 7),
        ([X, X], 9, None),
        ([X, X[:, :2]], 8, None),
        ([np.array(1, np.float32), np.array(2, np.float32)], 2, None),
        ([X[:0], X], 4, 4),
    ],
)
def test_outputs_of_all_feeds(arrays: list[Array], count: int, length: int | None) -> None:
    """They are joined along the samples, padding left out; None where the axes are no samples."""
    found = joined([{"y": each} for each in arrays], "y", count)
    assert (None if found is None else len(found)) == length
