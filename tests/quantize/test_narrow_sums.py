"""Products of int16 values that sum in int32."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.quantize.narrow_sums import narrow_sums
from rnnlite_pipeline.quantize.numbers import symmetric
from tests.lower.cases import Case
from tests.quantize.test_loops import CELLS, LEAST, check, integers, model_of


def _biases(model: Model) -> set[str]:
    return {
        op.inputs[2].dtype
        for op in model.ops()
        if op.code == "FULLY_CONNECTED" and op.inputs[2] is not None
    }


@pytest.mark.parametrize("scheme", LEAST)
def test_a_loop_sums_in_int32_on_a_cpu(scheme: str) -> None:
    """It is as near to the float model as with int64, on every set of kernels."""
    case = Case((CELLS["GRU"](np.random.default_rng(0)),), time_major=False)
    model = model_of(case)
    made, _ = integers(model, scheme)
    assert _biases(made) == {"INT64"}
    assert narrow_sums(made, ["litert", "litert-web"])
    assert _biases(made) == {"INT32"}
    check(model, made, LEAST[scheme], 60, (1, 3))


def test_other_runtimes_read_int64() -> None:
    """A model that is meant for TensorFlow Lite Micro as well stays as it is."""
    case = Case((CELLS["GRU"](np.random.default_rng(0)),), time_major=False)
    made, _ = integers(model_of(case), "int8")
    assert not narrow_sums(made, ["litert", "tflm"])
    assert _biases(made) == {"INT64"}


@pytest.mark.parametrize(("width", "fits"), [(515, True), (517, False)])
def test_no_sum_may_pass_the_ends_of_int32(width: int, fits: bool) -> None:
    """Rows of 127 fit up to 515 columns: 127 * 2^15 * 516 is beyond 2^31."""
    model = _product(np.full((2, width), 127, np.int8), 0)
    assert narrow_sums(model, ["litert"]) == int(fits)


def test_the_bias_counts() -> None:
    """A bias that leaves no room for the products stays int64."""
    assert not narrow_sums(_product(np.full((2, 4), 127, np.int8), 2**31 - 1), ["litert"])


def _product(weights: np.ndarray, bias: int) -> Model:
    rows, width = weights.shape
    x, y = (Tensor(name, "INT16", (OPEN, n)) for name, n in (("x", width), ("y", rows)))
    w, b = Tensor.constant("w", weights), Tensor.constant("b", np.full(rows, bias, np.int64))
    for tensor in (x, y, w, b):
        tensor.quantization = symmetric(1.0, 127)
    op = Op("FULLY_CONNECTED", [x, w, b], [y], {}, "FullyConnectedOptions")
    return Model([Subgraph("main", [x], [y], [op])])
