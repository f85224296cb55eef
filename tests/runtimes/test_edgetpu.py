"""The Edge TPU: conditions of single ops, the sizes of a tensor's axes, and what is advised."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Model, Op, Quantization
from rnnlite_pipeline.runtimes.edgetpu import RUNTIME
from tests.lower.loop_cases import masked
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered
from tests.runtimes.small import constant, model_of, op_of, value


def reasons(op: Op) -> list[str]:
    """Why an op on int8 values is not taken."""
    return [each.reason for each in RUNTIME.judge(model_of(op)).refusals]


X, Y = value(dtype="INT8"), value("y", "INT8")


@pytest.mark.parametrize("code", ["AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"])
def test_a_fused_activation_is_refused(code: str) -> None:
    """NONE, or nothing, is taken."""
    assert reasons(op_of(code, X, gives=Y, fused_activation_function="NONE")) == []
    assert reasons(op_of(code, X, gives=Y)) == []
    found = reasons(op_of(code, X, gives=Y, fused_activation_function="RELU"))
    assert found == ["a fused activation is not taken"]


@pytest.mark.parametrize(
    ("numbers", "others", "taken"),
    [([-3, -3], 1, True), ([0, 0], 1, False), ([-3, 0], 1, False), ([-3, -3], 2, False)],
)
def test_a_constant_part_of_a_concatenation_is_a_padding(
    numbers: list[int], others: int, taken: bool
) -> None:
    """Zeros, in integers the zero point of the result, beside one other part."""
    y = value("y", "INT8")
    y.quantization = Quantization((0.5,), (-3,))
    op = op_of("CONCATENATION", *[X] * others, constant("pad", numbers, "INT8"), gives=y)
    assert (reasons(op) == []) == taken


def test_parts_that_are_computed_are_no_padding() -> None:
    """Any number of them is joined."""
    assert reasons(op_of("CONCATENATION", X, X, X, gives=Y)) == []


@pytest.mark.parametrize(
    ("axes", "taken"), [([1], True), ([-1], True), ([0], False), ([-2], False), ([1, 0], False)]
)
def test_a_reduction_keeps_the_batch(axes: list[int], taken: bool) -> None:
    """Axis 0 is the batch, also where it is counted from the end."""
    op = op_of("MEAN", X, constant("axes", axes), gives=Y)
    assert (reasons(op) == []) == taken
    assert reasons(op_of("MEAN", X, value("axes", "INT32"), gives=Y)) != []


@pytest.mark.parametrize(
    ("strides", "masks", "taken"),
    [
        ([1, 1], {}, True),
        ([1, 2], {}, False),
        ([1, -1], {}, False),
        ([1, 1], {"new_axis_mask": 1}, False),
        ([1, 1], {"ellipsis_mask": 2}, False),
        ([1, 1], {"shrink_axis_mask": 1}, True),
    ],
)
def test_a_slice_takes_every_item(strides: list[int], masks: dict[str, Any], taken: bool) -> None:
    """Strides of 1, no ellipsis and no new axis."""
    ends = constant("ends", [1, 1])
    op = op_of("STRIDED_SLICE", X, ends, ends, constant("s", strides), gives=Y, **masks)
    assert (reasons(op) == []) == taken


@pytest.mark.parametrize(("axis", "taken"), [(0, False), (1, True), (-1, True), (-3, False)])
def test_packing_makes_no_new_batch(axis: int, taken: bool) -> None:
    """Of two rows [1, 4], axis -3 of the result is axis 0."""
    packed = value("y", "INT8", (1, 2, 4))
    assert (reasons(op_of("PACK", X, X, gives=packed, axis=axis)) == []) == taken


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((5, 6, 7), True), ((1, 5, 6, 7), True), ((2, 5, 6, 7), False), ((2, 1, 1, 1), False)],
)
def test_only_three_axes_are_larger_than_one(shape: tuple[int, ...], taken: bool) -> None:
    """The outer ones have size 1."""
    assert (reasons(op_of("TANH", X, gives=value("y", "INT8", shape))) == []) == taken


def test_edge_tpu_advises_int8_only_where_that_helps() -> None:
    """A float model is to be quantized; of an int8 model only inputs and outputs can be changed."""
    loop = lowered(a_gru(), "loop")
    reasons = _float_reasons(loop)
    assert all("quantization.scheme int8" in reason for reason in reasons.values())
    ports = _float_reasons(in_integers(loop))
    assert "quantization.input_type int8" in ports.pop("x")
    assert any("quantization.output_type int8" in reason for reason in ports.values())
    inner = _float_reasons(in_integers(lowered(masked(an_lstm()), "loop"), "int8", "int8"))
    assert inner
    assert not any("quantization" in reason for reason in inner.values())


def _float_reasons(model: Model) -> dict[str, str]:
    """Why the Edge TPU refuses each float tensor."""
    refusals = RUNTIME.judge(model).refusals
    return {r.name: r.reason for r in refusals if "float32; " in r.reason}
