"""What runs of two models show: agreement where results are firm, and any difference there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.compare import evidence
from rnnlite_pipeline.compare.draws import Draw
from rnnlite_pipeline.compare.evidence import SMALLEST, Evidence, Pair, both_have
from rnnlite_pipeline.compare.firm import Part
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import OPEN, Model, Quantization, Tensor
from rnnlite_pipeline.graph.schema import enum_values

Array = np.ndarray[Any, Any]
Made = Callable[[Builder, Tensor], Tensor]

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


def model(*outputs: Made, shape: tuple[int, ...] = (OPEN, 3), dtype: str = "FLOAT32") -> Model:
    """y0, y1 and so on, of x."""
    build, x = Builder("m"), Tensor("x", dtype, shape)
    return extract({"x": x}, {f"y{k}": make(build, x) for k, make in enumerate(outputs)}, build.ops)


def times(factor: float) -> Made:
    """x times a number."""
    return lambda build, x: build.binary(
        "MUL", x, build.constant("c", np.array(factor, np.float32))
    )


def squared(build: Builder, x: Tensor) -> Tensor:
    """x times x."""
    return build.binary("MUL", x, x)


def pair(old: Model, new: Model, unsure: frozenset[str] = frozenset()) -> Pair:
    """Both, of which nothing is known yet."""
    return Pair(old, new, both_have(old), unsure)


def test_models_that_agree() -> None:
    """Each output is proven, and the numbers that showed it are kept."""
    both = pair(model(times(2), times(3)), model(times(2), times(3)))
    assert both.evidence.missing == ["y0", "y1"]
    both.weigh([({"x": X}, True)])
    assert (both.evidence.missing, both.evidence.difference) == ([], 0.0)
    assert both.settled is not None
    np.testing.assert_array_equal(both.settled[1]["y1"], 3 * X)


def test_models_that_differ() -> None:
    """The difference is a part of the scale; an output that agrees is proven all the same."""
    both = pair(model(times(2), times(3)), model(times(2), times(3.3)))
    both.weigh([({"x": X}, True)])
    assert both.evidence.difference == pytest.approx(0.1, rel=1e-3)
    assert both.evidence.missing == ["y1"]


def test_agreement_on_equal_numbers_is_no_evidence() -> None:
    """A difference on them is a difference."""
    both = pair(model(times(2)), model(times(2)))
    both.weigh([({"x": X}, False)])
    assert both.evidence.missing == ["y0"]
    both = pair(model(times(2)), model(times(1)))
    both.weigh([({"x": X}, False)])
    assert both.evidence.difference == pytest.approx(0.5)


def test_an_unsure_output_proves_something_only_where_it_agrees() -> None:
    """Once it disagrees it proves nothing, whatever the other numbers say."""
    both = pair(model(times(2), times(3)), model(times(2), squared), frozenset({"y0", "y1"}))
    both.weigh([({"x": X}, True)])
    assert both.evidence.missing == ["y0", "y1"]
    both.weigh([({"x": 0 * X}, True)])
    both.conclude()
    assert (both.evidence.missing, both.evidence.difference) == (["y1"], 0.0)


def test_an_output_of_another_shape_is_infinitely_far() -> None:
    """The shape is compared before any number is."""
    turned: Made = lambda build, x: build.transpose(x, [1, 0])  # noqa: E731
    both = pair(model(times(1)), model(turned))
    both.weigh([({"x": X}, True)])
    assert both.evidence.difference == float("inf")


def test_numbers_that_overflow_are_made_smaller() -> None:
    """Eight times at a time, until the results are firm; then a difference shows."""
    big = X + np.array(1e11, np.float32)
    right = pair(model(squared), model(squared))
    right.weigh([({"x": big}, True)])
    assert not right.evidence.missing
    assert right.settled is not None
    assert float(right.settled[0]["x"].max()) < 1e10
    wrong = pair(model(squared), model(times(1)))
    wrong.weigh([({"x": big}, True)])
    assert wrong.evidence.difference > 0


def test_numbers_that_always_overflow() -> None:
    """They say nothing at any scale, not even of models that differ."""
    huge = np.full((4, 3), 1e38, np.float32)
    assert SMALLEST * 1e38 > 1e19
    both = pair(model(squared), model(times(1)))
    both.weigh([({"x": huge}, True)])
    assert (both.evidence.missing, both.evidence.difference) == (["y0"], 0.0)


def test_roundings_that_move_an_output_say_nothing() -> None:
    """A difference of large numbers is all rounding: neither evidence nor a fault."""

    def cancelled(offset: float) -> Made:
        def make(build: Builder, x: Tensor) -> Tensor:
            large = build.binary("ADD", x, build.constant("c", np.array(1e7, np.float32)))
            return build.binary(
                "ADD", large, build.constant("d", np.array(offset - 1e7, np.float32))
            )

        return make

    both = pair(model(cancelled(0)), model(cancelled(2)))
    both.weigh([({"x": X}, True)])
    assert (both.evidence.missing, both.evidence.difference) == (["y0"], 0.0)


def test_large_integers_that_differ_by_one() -> None:
    """An index of a large vocabulary is right or wrong, however near it is."""
    types = enum_values("TensorType")

    def counted(offset: int) -> Made:
        def make(build: Builder, x: Tensor) -> Tensor:
            dtypes: dict[str, Any] = {
                "in_data_type": types["FLOAT32"],
                "out_data_type": types["INT32"],
            }
            whole = build.op("CAST", [x], "INT32", x.shape, **dtypes)
            return build.binary("ADD", whole, build.indices(1_000_000 + offset))

        return make

    both = pair(model(counted(0)), model(counted(1)))
    both.weigh([({"x": 10 * X + np.array(0.3, np.float32)}, True)])
    assert both.evidence.difference > 0


def test_a_state_that_leaks_is_a_difference() -> None:
    """Each set of kernels is called twice."""

    def kept(build: Builder, x: Tensor) -> Tensor:
        state = Tensor("state", "FLOAT32", (1, 3), is_variable=True)
        units, zeros = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
        weights = [build.constant(n, a) for n, a in (("w", units), ("r", units), ("b", zeros))]
        options: dict[str, Any] = {"time_major": True, "fused_activation_function": "RELU"}
        operands = [x, *weights, state]
        return build.op("UNIDIRECTIONAL_SEQUENCE_RNN", operands, "FLOAT32", (1, 1, 3), **options)

    relu: Made = lambda build, x: build.unary("RELU", x)  # noqa: E731
    shape = (1, 1, 3)
    both = pair(model(relu, shape=shape), model(kept, shape=shape))
    both.weigh([({"x": np.ones(shape, np.float32)}, True)])
    assert both.evidence.difference == pytest.approx(1.0)


def many(batch: int) -> Made:
    """x, plus 1 where the batch is larger: as a state with too little memory would be."""
    types = enum_values("TensorType")

    def make(build: Builder, x: Tensor) -> Tensor:
        more = build.binary("GREATER", build.dimension(x, 0), build.indices([batch]))
        dtypes: dict[str, Any] = {"in_data_type": types["BOOL"], "out_data_type": types[x.dtype]}
        return build.binary("ADD", x, build.op("CAST", [more], x.dtype, [1], **dtypes))

    return make


def test_a_large_batch() -> None:
    """It is that of the settled numbers over and over; a difference that only it has shows."""
    right, wrong = pair(model(times(1)), model(times(1))), pair(model(times(1)), model(many(9)))
    for both in (right, wrong):
        both.repeat(65, {"x": 0})
        both.weigh([({"x": X}, True)])
        assert both.evidence.difference == 0.0
        both.repeat(65, {})
        assert both.evidence.difference == 0.0
        both.repeat(65, {"x": 0})
    assert right.evidence.difference == 0.0
    assert wrong.evidence.difference == pytest.approx(1.0)


def test_large_integers_of_a_large_batch() -> None:
    """One that is off by one is a difference there as well."""
    shape, x = (OPEN, 3), np.arange(50_000, 50_012, dtype=np.int32).reshape(4, 3)
    same: Made = lambda build, x: build.binary("ADD", x, build.indices(0))  # noqa: E731
    both = pair(model(same, shape=shape, dtype="INT32"), model(many(9), shape=shape, dtype="INT32"))
    both.weigh([({"x": x}, True)])
    both.repeat(65, {"x": 0})
    assert both.evidence.difference > 0


def test_what_a_large_batch_changes_in_both_is_no_difference() -> None:
    """Where results are not repeated, the old model is asked."""
    total: Made = lambda build, x: build.op(  # noqa: E731
        "SUM", [x, build.indices([0])], "FLOAT32", [3], keep_dims=False
    )
    both = pair(model(total), model(total))
    both.weigh([({"x": X}, True)])
    both.repeat(65, {"x": 0})
    assert (both.evidence.difference, both.evidence.missing) == (0.0, [])


DRAWS = tuple(Draw(steps=1, batch=b) for b in (1, 2, 3, 4))


class Drawn:
    """The numbers of each draw, and which were asked for."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, place: int) -> dict[str, Array]:
        """Those of one, by its place."""
        self.seen.append(place)
        return {"x": X[: place + 1]}


def test_draws_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one is weighed; no more once every output has evidence."""
    heavy = {"fixed": 10**9, "per_step": 0}
    monkeypatch.setattr(evidence, "multiply_adds", lambda _: heavy)
    proves = tuple(Draw(steps=2, batch=d.batch) for d in DRAWS)
    both, drawn = pair(model(times(1)), model(times(1))), Drawn()
    assert not both.is_cheap
    both.weigh_draws(proves, drawn)
    assert (drawn.seen, both.evidence.missing) == ([0], [])


def test_draws_beyond_the_budget_while_evidence_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are weighed one after the other, and all of them if none is evidence."""
    monkeypatch.setattr(evidence, "multiply_adds", lambda _: {"fixed": 10**10, "per_step": 0})
    both, drawn = pair(model(times(1)), model(times(1))), Drawn()
    both.weigh_draws(DRAWS, drawn)
    assert drawn.seen == [0, 1, 2, 3]


def test_no_draw_follows_a_difference() -> None:
    """One is enough."""
    both, drawn = pair(model(times(1)), model(times(2))), Drawn()
    both.evidence.difference = 1.0
    both.weigh_draws(DRAWS, drawn)
    assert drawn.seen == []


def test_what_a_run_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of the batch and each step, of an open length or of a closed one in the graph."""
    monkeypatch.setattr(evidence, "multiply_adds", lambda _: {"fixed": 5, "per_step": 7})
    assert pair(model(times(1)), model(times(1))).cost(steps=10, batch=2) == 2 * (5 + 7 * 10)
    long = model(times(1), shape=(2, 40, 3))
    assert pair(long, long).cost(steps=10, batch=2) == 2 * (5 + 7 * 40)


def integers(zero: int) -> Model:
    """A sum in int8, whose result has this zero point."""
    scale = Quantization((0.5,), (0,))

    def make(build: Builder, x: Tensor) -> Tensor:
        x.quantization = scale
        y = build.binary("ADD", x, x)
        y.quantization = Quantization((0.5,), (zero,))
        build.ops[-1].version = 2
        return y

    return model(make, dtype="INT8", shape=(1, 3))


def test_what_computes_in_integers() -> None:
    """Each set of kernels is held to the old model on the same; equal results are evidence."""
    x = {"x": np.array([[1, -2, 3]], np.int8)}
    same = pair(integers(0), integers(0))
    same.weigh([(x, True)])
    assert (same.evidence.missing, same.evidence.difference) == ([], 0.0)
    other = pair(integers(0), integers(1))
    other.weigh([(x, True)])
    assert other.evidence.missing == ["y0"]
    assert other.evidence.difference > 0


def test_repetition_along_any_axis() -> None:
    """A result is a small one over and over along its batch, wherever that is, or just the same."""
    parts = [Part((), 1e-4)]
    small = np.arange(6.0).reshape(2, 3)
    assert evidence._is_repeated(small, np.concatenate([small, small, small[:1]]), parts)
    assert evidence._is_repeated(small, np.concatenate([small, small], 1), parts)
    assert evidence._is_repeated(small, small.copy(), parts)
    assert not evidence._is_repeated(small, np.concatenate([small, small + 1]), parts)
    assert not evidence._is_repeated(small, small[0], parts)
    assert not evidence._is_repeated(np.zeros((0, 3)), np.zeros((2, 3)), parts)


def test_evidence_begins_with_nothing() -> None:
    """Every output of the signature is to be proven."""
    assert both_have(model(times(1), times(2))) == Evidence(frozenset({"y0", "y1"}))
