"""`float16`: which constants are stored in half, and where they are made float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.quantize.float16 import FEWEST, float16
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from tests.quantize.single import graph, nearness, number, single, weight


def _sum(*constants: Tensor) -> Model:
    """x [width], and a constant of that width added after the other."""
    width = constants[0].shape[-1]  # type: ignore[index]
    values = [Tensor(f"v{k}", "FLOAT32", (2, width)) for k in range(len(constants) + 1)]
    ops = [
        make_op("ADD", [values[k], constant], [values[k + 1]])
        for k, constant in enumerate(constants)
    ]
    return graph(values[:1], values[-1:], ops)


@pytest.mark.parametrize(
    ("count", "became"), [(FEWEST - 1, "float32"), (FEWEST, "float16 weights")]
)
def test_few_elements_stay_float(count: int, became: str) -> None:
    """One fewer than is worth it, and exactly so many."""
    model = _sum(weight(count))
    (outcome,) = float16(model, Skip())
    assert outcome.became == became
    assert outcome.reason == (f"no constant of {FEWEST} elements or more" if "32" in became else "")
    assert nearness(_sum(weight(count)), model) > 60


@pytest.mark.parametrize("large", [1e5, -7e4])
def test_what_half_cannot_hold_stays_and_is_named(large: float) -> None:
    """Alone the op stays float; beside another constant the outcome names the one that stayed."""
    value = np.full(FEWEST, large)
    (outcome,) = float16(_sum(number(value, "huge")), Skip())
    assert (outcome.became, outcome.reason) == (
        "float32",
        "its weights are beyond what float16 holds",
    )
    operands: list[Any] = [number(np.full((9, 8), large), "huge"), weight(FEWEST), (2, 8)]
    model = single("FULLY_CONNECTED", [operands[2], operands[0], weight(FEWEST)], [(2, 9)])
    (outcome,) = float16(model, Skip())
    assert outcome.became == "float16 weights"
    assert outcome.reason == "but huge, beyond what float16 holds"


def test_a_constant_that_two_ops_read_is_decoded_once() -> None:
    """Before the first of them; the graph computes what it did."""
    shared = weight(60)
    model = _sum(shared, shared)
    outcomes = float16(model, Skip())
    assert [o.became for o in outcomes] == ["float16 weights"] * 2
    assert [op.code for op in model.main.ops] == ["DEQUANTIZE", "ADD", "ADD"]
    assert nearness(_sum(weight(60), weight(60)), model) > 60


def test_a_skipped_layer_is_left() -> None:
    """Its own constant stays float, that of another layer does not."""
    constants = [weight(60), weight(60, seed=1)]
    constants[0].name = "kept/row"
    model = _sum(*constants)
    outcomes = float16(model, Skip(["kept"]))
    assert [(o.became, o.reason) for o in outcomes] == [
        ("float32", SKIPPED),
        ("float16 weights", ""),
    ]
    assert constants[0] in model.main.ops[1].inputs


def test_integers_are_not_weights() -> None:
    """A shape of many numbers and a float number are no constants to store."""
    x, y = (Tensor(n, "FLOAT32", (2, 9)) for n in "xy")
    model = graph([x], [y], [make_op("MUL", [x, number(2.0)], [y])])
    assert float16(model, Skip()) == []
    assert [op.code for op in model.main.ops] == ["MUL"]
