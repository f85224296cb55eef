"""A calibrated model does not depend on the CPU that its ranges were measured on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize import ranges
from rnnlite_pipeline.quantize.numbers import steady
from rnnlite_pipeline.runtimes.interpreter import Kernels
from rnnlite_pipeline.runtimes.partition import open_runner
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import integers, model_of


def _quantized(scheme: str, kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(ranges, "open_runner", partial(open_runner, kernels=kernels))
    cell = random_lstm(np.random.default_rng(5), 7, 24)
    model = model_of(Case((cell,), outputs="y"), classes=4)
    integers(model, scheme)
    return write_model(model)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_kernels_that_round_otherwise_give_the_same_bytes(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums in another order, as another CPU's kernels add them, leave no trace in the model."""
    first, *others = (_quantized(scheme, k, monkeypatch) for k in ("default", "reference"))
    assert others == [first]


@given(st.floats(1e-30, 1e30), st.sampled_from([-1, 1]))
def test_a_bound_moves_outward_and_little(bound: float, sign: int) -> None:
    """Never inward by more than a rounding of float32, never outward by more than 0.1 %."""
    moved = steady(sign * bound)
    assert bound * (1 - 2.0**-18) <= sign * moved <= bound * 1.001


@pytest.mark.parametrize("bound", [0.0, 1.0, -1.0, 0.5, 6.0, 255.0])
def test_a_round_bound_stays(bound: float) -> None:
    """Where values saturate, the bound is what it is, a rounding of float32 more or less."""
    assert {steady(bound * (1 + rounding)) for rounding in (-1e-6, 0, 1e-6)} == {bound}
