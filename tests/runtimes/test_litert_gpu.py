"""The GPU delegate: types, ranks and operands that its check of compatibility asks for."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.runtimes.litert_gpu import RUNTIME
from tests.runtimes.single_ops import single_op
from tests.runtimes.small import constant, model_of, op_of, value


def reasons(op: Op) -> list[str]:
    """Why the delegate does not take an op."""
    return [each.reason for each in RUNTIME.judge(model_of(op)).refusals]


@pytest.mark.parametrize(
    ("code", "dtype", "taken"),
    [
        ("SLICE", "FLOAT32", False),  # of rank 2
        ("CONCATENATION", "FLOAT32", True),
        ("ADD", "INT32", False),
        ("CAST", "INT32", True),
        ("CAST", "INT64", False),
        ("SPLIT", "FLOAT32", True),  # its axis is INT32
        ("REDUCE_ANY", "BOOL", False),
    ],
)
def test_single_ops(code: str, dtype: str, taken: bool) -> None:
    """Types, and the rank of a slice; SPLIT's values are its second operand."""
    found = RUNTIME.judge(single_op(code, dtype)).refusals
    assert [each.op for each in found] == ([] if taken else [code])


def test_a_strided_slice_has_no_masks() -> None:
    """A mask of 0, or none, is taken."""
    x = value(shape=(1, 2, 3))
    assert reasons(op_of("STRIDED_SLICE", x, ellipsis_mask=0, new_axis_mask=0)) == []
    found = reasons(op_of("STRIDED_SLICE", x, shrink_axis_mask=1, new_axis_mask=2))
    assert found == ["its new_axis_mask must be 0", "its shrink_axis_mask must be 0"]


@pytest.mark.parametrize("code", ["SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"])
def test_axes_of_a_reduction_are_constants(code: str) -> None:
    """Axes that are computed are refused."""
    assert reasons(op_of(code, value(), constant("axes", [1]))) == []
    assert reasons(op_of(code, value(), value("axes", "INT32"))) == [
        "its operand 1 (axes) must be a constant"
    ]


def test_a_product_has_two_computed_operands_at_most() -> None:
    """A computed bias makes three, and is refused; so is an input that is a constant."""
    x, w, b = (value(name) for name in "xwb")
    assert reasons(op_of("FULLY_CONNECTED", x, w, None)) == []
    assert reasons(op_of("FULLY_CONNECTED", x, w, constant("b", [0.0], "FLOAT32"))) == []
    assert len(reasons(op_of("FULLY_CONNECTED", x, w, b))) == 1
    stored = Tensor("stored", "FLOAT32", (1, 1), bytes(4))
    assert reasons(op_of("FULLY_CONNECTED", stored, w)) == ["its input must not be a constant"]
