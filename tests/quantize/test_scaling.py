"""Which scales kernels compute with: each rule at its border, and that the reasons are told."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.integer_ops import KERNELS
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.scaling import (
    LOST,
    TOO_COARSE,
    TOO_FINE,
    TOO_SMALL,
    Value,
    vanishes,
    why_not,
)
from rnnlite_pipeline.quantize.skip import Skip
from tests.quantize.author import Array
from tests.quantize.single import graph, nearness, number, weight


def _op(code: str) -> Op:
    x, y = (Tensor(name, "FLOAT32", (2, 4)) for name in "xy")
    operands = [x, number(np.full((4, 4), 127.0))] if KERNELS[code].axis is not None else [x, x]
    return make_op(code, operands, [y])


def _why(code: str, scales: list[float], result: float, wide: bool = False, **said: Any) -> str:
    operands = [Value(scale, 1.0, True) for scale in scales]
    return why_not(_op(code), KERNELS[code], operands, Value(result, said.get("reach", 1.0)), wide)


@pytest.mark.parametrize(
    ("code", "scales", "least"),
    [
        ("FULLY_CONNECTED", [64.0], 1.0),
        ("MUL", [8.0, 8.0], 1.0),
        ("ADD", [4096.0, 1.0], 1.0),
        ("SUB", [1.0, 4096.0], 1.0),
        ("RELU", [4096.0], 1.0),
        ("MEAN", [4096.0], 1.0),
    ],
)
def test_a_result_may_not_be_much_finer(code: str, scales: list[float], least: float) -> None:
    """At the border the kernel computes it, below it does not; in int16 as well."""
    for wide in (False, True):
        assert _why(code, scales, least, wide) == ""
        assert _why(code, scales, 0.999 * least, wide) == TOO_FINE


@pytest.mark.parametrize("code", ["MAXIMUM", "MINIMUM", "SELECT_V2", "CONCATENATION", "PACK"])
def test_a_join_rescales_what_is_computed(code: str) -> None:
    """A computed operand of too large a scale wraps; a constant is stored in the result's."""
    op, kernel, result = _op(code), KERNELS[code], Value(1.0, 100.0)
    computed, constant = (Value(5000.0, 1e6, each) for each in (False, True))
    assert why_not(op, kernel, [computed], result, False) == TOO_FINE
    assert why_not(op, kernel, [constant], result, False) == ""
    assert why_not(op, kernel, [], result, False) == ""


@pytest.mark.parametrize("code", ["TANH", "LOGISTIC"])
def test_int16_functions_take_no_large_inputs(code: str) -> None:
    """12288 times the scale must stay in 16 bits; int8 has a table and no such end."""
    assert _why(code, [4.7], 1 / 32768, wide=True) == ""
    assert _why(code, [4.9], 1 / 32768, wide=True) == TOO_COARSE
    assert _why(code, [4.9], 1 / 128) == ""


@pytest.mark.parametrize("code", ["TANH", "LOGISTIC", "SOFTMAX"])
def test_a_result_of_a_few_fixed_steps_is_not_computed(code: str) -> None:
    """Three steps are not told from 0; four are, and 0 itself is."""
    for reach, said in ((3.0, TOO_SMALL), (4.0, ""), (0.0, "")):
        assert _why(code, [1.0], 1.0, reach=reach) == said
    assert vanishes(1e-9, 1 / 256)


@pytest.mark.parametrize("code", ["ADD", "SUB", "MAXIMUM", "MINIMUM", "SELECT_V2"])
def test_an_operand_that_is_lost_in_the_result(code: str) -> None:
    """Less than two steps of it are lost; a constant may be, and what is always 0."""
    large = Value(1.0, 255.0)
    for reach, is_constant, said in (
        (1.9, False, LOST),
        (2.0, False, ""),
        (1.9, True, ""),
        (0.0, False, ""),
    ):
        operands = [large, Value(0.01, reach, is_constant)]
        assert why_not(_op(code), KERNELS[code], operands, large, False) == said


def test_a_concatenation_keeps_what_it_would_lose() -> None:
    """What reads the join reads it in one scale anyway (joins.py)."""
    operands = [Value(1.0, 255.0), Value(0.001, 0.1)]
    op, kernel = _op("CONCATENATION"), KERNELS["CONCATENATION"]
    assert why_not(op, kernel, operands, operands[0], False) == ""


@pytest.mark.parametrize("code", ["RESHAPE", "GATHER"])
def test_what_moves_values_has_the_scale_that_they_have(code: str) -> None:
    """There is nothing that could not be scaled."""
    x, y = (Tensor(name, "FLOAT32", (2, 4)) for name in "xy")
    values = [Value(1e30, 1.0)]
    assert why_not(Op(code, [x], [y]), KERNELS[code], values, Value(1e-30, 1.0), True) == ""


# The rules on models: what is float has its reason, and the numbers are right.

X = (2, 6, 8)


def _quantized(
    model: Model, feeds: list[dict[str, Array]], scheme: str
) -> tuple[Model, dict[str, str]]:
    made = copy.deepcopy(model)
    outcomes = rewrite(made, scheme, measure(made, iter(feeds)), Skip())
    return made, {o.op: o.reason for o in outcomes}


def _normal(model: Model, **scales: float) -> list[dict[str, Array]]:
    rng = np.random.default_rng(0)
    return [
        {
            name: (rng.normal(size=t.shape or ()) * scales.get(name, 1.0)).astype(np.float32)
            for name, t in model.signatures[0].inputs.items()
        }
        for _ in range(4)
    ]


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("masking", [-1e9, -3e38])
def test_scores_beside_the_number_of_a_mask(masking: float, scheme: str) -> None:
    """An attention's softmax is as in float; in one scale with the mask all scores were equal."""
    x, mask = (Tensor(name, "FLOAT32", X) for name in ("x", "mask"))
    build = Builder("attention")
    operands = [x, weight(8, 8), None]
    scores = build.op("FULLY_CONNECTED", operands, "FLOAT32", X, keep_num_dims=True)
    masked = build.binary("ADD", scores, build.binary("MUL", mask, number(masking)))
    y = build.op("SOFTMAX", [masked], "FLOAT32", X, "y", beta=1.0)
    model = graph([x, mask], [y], build.ops)
    feeds = _normal(model)
    for each in feeds:
        each["mask"] = (each["mask"] > 0.5).astype(np.float32)
    made, reasons = _quantized(model, feeds, scheme)
    assert reasons["ADD"] == LOST
    assert reasons["FULLY_CONNECTED"] == ""
    assert nearness(model, made, given=feeds[0]) > 35


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("large", [1e2, 1e6])
def test_an_input_that_is_clipped(large: float, scheme: str) -> None:
    """It is clipped before it is rounded: what stays has its own scale."""
    x, build = Tensor("x", "FLOAT32", X), Builder("clip")
    upper = build.op("MINIMUM", [x, number(1.0)], "FLOAT32", X)
    y = build.op("MAXIMUM", [upper, number(-1.0)], "FLOAT32", X, "y")
    model = graph([x], [y], build.ops)
    feeds = _normal(model)
    for each in feeds:
        each["x"][..., ::2] *= large
    made, reasons = _quantized(model, feeds, scheme)
    assert all("less than 1/4" in reason for reason in reasons.values())
    assert nearness(model, made, given=feeds[0]) > 100


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_a_function_of_tiny_values(scheme: str) -> None:
    """TANH of 1e-5 is below a step of either scheme, and stays what it is."""
    x, build = Tensor("x", "FLOAT32", X), Builder("tiny")
    y = build.op("TANH", [x], "FLOAT32", X, "y")
    model = graph([x], [y], build.ops)
    feeds = _normal(model, x=1e-6)
    made, reasons = _quantized(model, feeds, scheme)
    assert reasons == {"TANH": TOO_SMALL}
    assert nearness(model, made, given=feeds[0]) > 100
