"""A model is opened again and again: how, on which calls, and how each of them is judged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Model, Quantization, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.verify import interpreters
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.every_interpreter import ENOUGH
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


def test_a_plan_is_read_as_it_was_written() -> None:
    """A plan survives the way into its process."""
    plan = Plan({"x": 1}, {"n": (0, 9)}, ((1, 1), (2, 5)), 0.5, 7, stand_ins=True)
    read = Plan.from_json(plan.as_json())
    assert read.sizes == plan.sizes
    assert read.as_json() == plan.as_json()


def written(folder: Path, model: Model) -> Path:
    """The model's file."""
    path = folder / "m.tflite"
    path.write_bytes(write_model(model))
    return path


def negated(*shape: int, dtype: str = "FLOAT32", name: str = "x") -> Model:
    """y = -x for an input of this shape."""
    build, x = Builder("m"), Tensor(name, dtype, shape)
    return extract({name: x}, {"y": build.unary("NEG", x)}, build.ops)


def test_nothing_is_open(tmp_path: Path) -> None:
    """All sizes are one, which is called over and over."""
    found = Hammer(written(tmp_path, negated(2, 3)), Plan(interpreters=2)).run()
    assert (found.sizes, found.wrong) == ([SIZES[0]], 0)


def test_sizes_that_the_model_does_not_take(tmp_path: Path) -> None:
    """They are left out; where none is left, the error says which were tried."""
    build, x = Builder("m"), Tensor("x", "FLOAT32", (OPEN, OPEN))
    y = build.reshape(x, [2, OPEN])
    path = written(tmp_path, extract({"x": x}, {"y": y}, build.ops))
    hammer = Hammer(path, Plan(sizes=((1, 1), (2, 3), (1, 4))))
    assert hammer._sizes() == ((2, 3), (1, 4))
    with pytest.raises(StageError, match=r"runs on none of .*\(1, 1\)"):
        Hammer(path, Plan(sizes=((1, 1),)))._sizes()


@pytest.mark.parametrize(("axis", "shape"), [(0, (2, 9)), (1, (9, 2))])
def test_the_batch_is_where_the_plan_says(
    tmp_path: Path, axis: int, shape: tuple[int, ...]
) -> None:
    """Of two open axes one is the batch, and the other has the length."""
    path = written(tmp_path, negated(OPEN, OPEN))
    assert Hammer(path, Plan(axes={"x": axis})).feed((2, 9), 0)["x"].shape == shape


def test_numbers_of_a_call(tmp_path: Path) -> None:
    """They are the same each time, others at the next place, and within the limits of an index."""
    path = written(tmp_path, negated(OPEN, 40, dtype="INT32", name="n"))
    hammer = Hammer(path, Plan(limits={"n": (3, 7)}))
    one, again, other = (hammer.feed((2, 1), place)["n"] for place in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert set(one.ravel()) == {3, 4, 5, 6}


def test_a_quantized_input_gets_real_numbers(tmp_path: Path) -> None:
    """As an application gives them; integers without a scale stay integers."""
    model = negated(OPEN, 3, dtype="INT8")
    model.main.inputs[0].quantization = Quantization((0.1,), (0,))
    assert Hammer(written(tmp_path, model), Plan()).feed((1, 1), 0)["x"].dtype == np.float32
    plain = written(tmp_path, negated(OPEN, 3, dtype="INT32"))
    assert Hammer(plain, Plan()).feed((1, 1), 0)["x"].dtype == np.int32


def test_what_was_found_is_json() -> None:
    """An infinite difference is a word."""
    found = Found(1, 2, largest_difference=float("inf"), sizes=[(1, 9)], told=["a"])
    read = json.loads(found.as_json())
    assert read["largest_difference"] == "inf"
    assert (read["interpreters"], read["sizes"], read["told"]) == (1, [[1, 9]], ["a"])


def test_junk_is_nothing_that_could_be_right() -> None:
    """Half of it is left, and all of it is NaN."""
    junk = interpreters._noise(np.random.default_rng(0))
    assert len(junk) == interpreters.JUNK // 2
    assert all(np.isnan(each).all() and each.size for each in junk)


def test_one_rounding() -> None:
    """Every float moves by its last place, and integers stay."""
    x = np.array([1.0, -3.0, 0.0], np.float32)
    moved = interpreters._nudged({"x": x, "n": np.array([4])})
    assert all(m in (np.nextafter(v, -np.inf), np.nextafter(v, np.inf)) for m, v in
               zip(moved["x"], x, strict=True))  # fmt: skip
    assert moved["n"] == [4]


def test_a_program_of_its_own(tmp_path: Path) -> None:
    """Without a plan it finds the batch by running; with one it does as the plan says."""
    path = written(tmp_path, negated(OPEN, 2))
    assert json.loads(interpreters.main([str(path), "1"]))["interpreters"] == 1
    plan = tmp_path / "plan.json"
    plan.write_text(Plan(sizes=((2, 1),), interpreters=9).as_json())
    found = json.loads(interpreters.main([str(path), "2", str(plan)]))
    assert (found["interpreters"], found["sizes"], found["wrong"]) == (2, [[2, 1]], 0)
