"""A model is right in every interpreter: how it is opened, called, judged, and what is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.verify import every_interpreter, interpreters
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.every_interpreter import ENOUGH, NAME
from rnnlite_pipeline.verify.interpreters import FEWEST, SIZES, Call, Found, Hammer, Plan
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import model_of

Array = np.ndarray[Any, Any]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An LSTM of open batch and length."""
    path = tmp_path / "model.tflite"
    cell = random_lstm(np.random.default_rng(0), 3, 4)
    path.write_bytes(write_model(model_of(Case((cell,), time_major=False))))
    return path


def test_a_right_model(model: Path) -> None:
    """A right model is right in every call, of sizes that stay and that change; nothing differs."""
    found = Hammer(model, Plan(interpreters=30)).run()
    assert (found.interpreters, found.wrong, found.told) == (30, 0, [])
    assert found.calls == 30 * interpreters.CALLS
    assert found.allocated_twice > 0
    assert found.sizes == list(SIZES)
    assert found.largest_difference == 0.0
    assert found.largest_difference_from_reference < 1e-5


def test_sessions() -> None:
    """Sizes stay, grow, shrink, change, and are allocated twice; each is called twice on end."""
    rng = np.random.default_rng(0)
    kinds = [list(interpreters._session(rng, k, SIZES, 6)) for k in range(60)]
    counts = Counter(size for calls in kinds for size in [c.size for c in calls])
    assert set(counts) == set(SIZES)
    for number, calls in enumerate(kinds):
        sizes = [c.size for c in calls]
        areas = [batch * length for batch, length in sizes]
        assert sizes[::2] == sizes[1::2]
        assert number % 6 or sizes == [(1, 1)] * 6
        assert number % 6 != 2 or areas == sorted(areas)
        assert number % 6 != 3 or areas == sorted(areas, reverse=True)
        assert number % 6 != 5 or any(c.before for c in calls)
        assert all(c.before is None for c in calls) or number % 6 == 5
    assert kinds[0] == [Call((1, 1), place) for place in range(6)]


class _Wrong(Started):
    """A model whose second call on end is off by a part of its scale: a stale copy, for example."""

    off = 0.01
    calls = 0

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Right."""
        return super().run(inputs)

    def resume(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Wrong from the second call on."""
        self.calls += 1
        results = super().resume(inputs)
        return {n: a + self.off * (self.calls > 1) for n, a in results.items()}


def test_a_wrong_call_is_seen(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that differs by a hundredth is counted, and told with its place."""
    monkeypatch.setattr(interpreters, "Started", _Wrong)
    found = Hammer(model, Plan(interpreters=6)).run()
    assert found.wrong > 0
    assert "call 2, batch 1 and length 1" in found.told[0]
    assert len(found.told) == interpreters.SHOWN


def test_kernels_that_are_always_wrong_are_seen(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the default kernels are wrong in each interpreter alike, the reference kernels tell."""
    alone = Hammer._alone

    def wrong(self: Hammer, kernels: Any, *more: Any, **options: Any) -> Any:
        results = alone(self, kernels, *more, **options)
        off = 0.01 * (kernels == "default")
        return [{n: a + off for n, a in each.items()} for each in results]

    monkeypatch.setattr(Hammer, "_alone", wrong)
    found = Hammer(model, Plan(interpreters=6)).run()
    assert "from the reference kernels" in found.told[0]


def test_work_is_counted(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that computes much is opened as often as it must be, on few small calls."""
    monkeypatch.setattr(interpreters, "multiply_adds", lambda _: {"fixed": 0, "per_step": 10**9})
    hammer = Hammer(model, Plan())
    sizes = hammer._sizes()
    assert sizes == ((1, 1), (2, 1))
    assert hammer._counts(sizes) == (FEWEST, interpreters.FEWEST_CALLS)
    assert FEWEST >= ENOUGH


def test_time_is_bounded(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time is over, the number of interpreters that were opened is told, and it is small."""
    monkeypatch.setattr(interpreters, "SECONDS", 0.0)
    assert Hammer(model, Plan()).run().interpreters == 1


def test_a_crash_is_a_failed_check() -> None:
    """A process that ends by a signal has failed the check; nothing else of the stage is lost."""
    (check,) = every_interpreter._checks({}, "crashed with SIGSEGV")
    assert not check.passed
    assert check.name == NAME
    assert "again and again crashed with SIGSEGV" in str(check)
    with every_interpreter._carried_out(b"no model", Plan().as_json()) as found:
        assert found() == ({}, "ended with status 1")


def test_a_wrong_interpreter_is_a_failed_check() -> None:
    """The check tells how many calls were wrong, and which."""
    found = json.loads(Found(interpreters=60, calls=360, wrong=2, told=["interpreter 7"]).as_json())
    (check,) = every_interpreter._checks(found, "")
    assert not check.passed
    assert check.detail == "2 wrong in 60 interpreters, 360 calls: interpreter 7"


def test_a_plan_is_read_as_it_was_written() -> None:
    """A plan survives the way into its process."""
    plan = Plan({"x": 1}, {"n": (0, 9)}, ((1, 1), (2, 5)), 0.5, 7, stand_ins=True)
    read = Plan.from_json(plan.as_json())
    assert read.sizes == plan.sizes
    assert read.as_json() == plan.as_json()


@pytest.mark.parametrize(
    ("wrong", "told", "advice"),
    [
        (1, ["opened for batch 2 alone: output y differs"], "quantization.skip"),
        (1, ["interpreter 3, call 2: output y differs"], "Please report it"),
        (2, ["opened for batch 2 alone: output y differs"], "Please report it"),
    ],
)
def test_kernels_that_differ_are_not_called_memory(
    wrong: int, told: list[str], advice: str
) -> None:
    """Where only the sets of kernels differ, the advice is about rounding, not about memory."""
    found = {"interpreters": 60, "calls": 120, "wrong": wrong, "told": told}
    (check,) = every_interpreter._checks(found, "")
    assert not check.passed
    assert advice in check.remedy
