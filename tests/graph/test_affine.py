"""Real numbers as the integers of a tensor with one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.affine import computes_in_integers, from_integers, to_integers
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Quantization, Subgraph, Tensor

EIGHT = Tensor("t", "INT8", (1,), quantization=Quantization((0.5,), (-3,)))


@given(st.integers(-128, 127))
def test_every_integer_comes_back(whole: int) -> None:
    """The real number that it stands for is stored as it."""
    stored = np.array([whole], np.int8)
    np.testing.assert_array_equal(to_integers(from_integers(stored, EIGHT), EIGHT), stored)


@given(st.floats(-62, 65))
def test_a_number_within_the_range_is_half_a_scale_off_at_most(real: float) -> None:
    """The nearest integer is taken."""
    back = from_integers(to_integers(np.array([real]), EIGHT), EIGHT)
    assert abs(back.item() - real) <= 0.25 + 1e-6


def test_numbers_beyond_the_range_are_its_ends() -> None:
    """They do not wrap around."""
    assert to_integers(np.array([-1e9, 1e9]), EIGHT).tolist() == [-128, 127]
    assert from_integers(np.array([-3], np.int8), EIGHT).tolist() == [0.0]


@pytest.mark.parametrize(("code", "computes"), [("DEQUANTIZE", False), ("TANH", True)])
def test_stored_numbers_that_are_made_real_first_are_no_arithmetic(
    code: str, computes: bool
) -> None:
    """Any other op with a quantized operand computes in integers."""
    build = Builder("g")
    y = build.op(code, [EIGHT], "FLOAT32", (1,))
    assert computes_in_integers(Model([Subgraph("main", [EIGHT], [y], build.ops)])) is computes
