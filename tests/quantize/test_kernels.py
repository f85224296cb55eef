"""The table of kernels that take int8 weights with float values: every line of it runs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.kernels import (
    HYBRID,
    LOOKUPS,
    STORED,
    hybrid,
    is_weight,
    weights,
)
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.skip import Skip
from tests.quantize.single import Shape, nearness, single, weight, whole

#: What hybrid kernels have at least, in dB; those measured have 39 and more.
LEAST = 36.0

_IN_PLACE, _DECODED = "", "made float before its kernel runs"

_CONV = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}
_DEPTH = _CONV | {"depth_multiplier": 1}
_VOLUME = _CONV | {"stride_d": 1, "dilation_d_factor": 1}


def _weighted(code: str, x: Shape, w: Shape, y: Shape, **options: Any) -> Model:
    """An op of x and constant weights."""
    return single(code, [x, weight(*w)], [y], **options)


def _convolution(code: str, x: Shape, w: Shape, y: Shape, **options: Any) -> Model:
    """The same with a bias."""
    return single(code, [x, weight(*w), weight(y[-1], seed=1)], [y], **options)


def _dynamic(model: Model) -> tuple[Model, Outcome]:
    """A copy with int8 weights, and what its one op became."""
    made = copy.deepcopy(model)
    (outcome,) = dynamic_range(made, Skip())
    return made, outcome


def _check(model: Model, reason: str, batches: tuple[int, ...]) -> None:
    made, outcome = _dynamic(model)
    assert (outcome.became, outcome.reason) == ("int8 weights", reason)
    assert nearness(model, made, batches) > LEAST


@pytest.mark.parametrize("rows", [2, -1])
@pytest.mark.parametrize(
    ("code", "shapes", "options"),
    [
        ("FULLY_CONNECTED", [(8,), (32, 8), (32,)], {}),
        ("FULLY_CONNECTED", [(5, 8), (32, 8), (5, 32)], {"keep_num_dims": True}),
        ("BATCH_MATMUL", [(5, 8), (8, 16), (5, 16)], {}),
        ("BATCH_MATMUL", [(5, 8), (16, 8), (5, 16)], {"adj_y": True}),
        ("BATCH_MATMUL", [(8, 5), (8, 16), (5, 16)], {"adj_x": True}),
        ("BATCH_MATMUL", [(1, 5, 8), (1, 8, 16), (1, 5, 16)], {}),
    ],
)
def test_products(rows: int, code: str, shapes: list[Shape], options: dict[str, Any]) -> None:
    """Weights are read in int8, at every batch."""
    x, w, y = shapes
    model = _weighted(code, (rows, *x), w, (rows, *y), **options)
    _check(model, _IN_PLACE, (2, 1, 5) if rows < 0 else (2,))


@pytest.mark.parametrize("rows", [2, -1])
@pytest.mark.parametrize(
    ("x", "w"),
    [((3, 5, 8), (8, 16)), ((3, 5, 8), (3, 8, 16)), ((1, 5, 8), (2, 3, 8, 16))],
)
def test_products_of_many_matrices(rows: int, x: Shape, w: Shape) -> None:
    """The int8 kernel is wrong with two leading dimensions: weights are made float before it."""
    y = (*np.broadcast_shapes(x[:-2], w[:-2]), 5, 16)
    lead = (rows,) if len(y) < 4 else (2,)
    model = _weighted("BATCH_MATMUL", (*lead, *x)[-4:], w, (*lead, *y)[-4:])
    _check(model, _DECODED, (2, 1, 5) if -1 in lead else (2,))


@pytest.mark.parametrize(
    ("code", "rows", "w", "options", "reason"),
    [
        ("CONV_2D", 2, (5, 3, 3, 8), _CONV, _IN_PLACE),
        ("CONV_2D", -1, (5, 3, 3, 8), _CONV, _IN_PLACE),
        ("CONV_2D", 2, (6, 3, 3, 4), _CONV, _IN_PLACE),
        ("CONV_2D", -1, (6, 3, 3, 4), _CONV, _DECODED),
        ("DEPTHWISE_CONV_2D", 2, (1, 3, 3, 8), _DEPTH, _IN_PLACE),
        ("DEPTHWISE_CONV_2D", -1, (1, 3, 3, 8), _DEPTH, _DECODED),
        ("DEPTHWISE_CONV_2D", 2, (1, 3, 3, 16), _DEPTH | {"depth_multiplier": 2}, _IN_PLACE),
    ],
)
def test_convolutions(code: str, rows: int, w: Shape, options: dict[str, Any], reason: str) -> None:
    """Of a closed batch in int8, of several groups or of each channel alone as well."""
    channels = w[0] if code == "CONV_2D" else w[-1]
    model = _convolution(code, (rows, 6, 8, 8), w, (rows, 6, 8, channels), **options)
    _check(model, reason, (2, 1, 5) if rows < 0 else (2,))


def test_stored_weights() -> None:
    """Kernels that take float weights only get what a DEQUANTIZE makes."""
    operands: list[Any] = [whole([2, 6, 8, 5]), weight(5, 3, 3, 4), (2, 3, 4, 4), weight(5)]
    transposed = single("TRANSPOSE_CONV", operands, [(2, 6, 8, 5)], stride_w=2, stride_h=2)
    volume = _convolution("CONV_3D", (-1, 4, 5, 6, 3), (2, 2, 2, 3, 4), (-1, 4, 5, 6, 4), **_VOLUME)
    assert {"TRANSPOSE_CONV", "CONV_3D"} == set(STORED)
    for model in (transposed, volume):
        _check(model, _DECODED, (2,))


def test_lookups() -> None:
    """The rows of a table of int8 are made float behind the GATHER, its first and last row too."""
    rows = whole([[0, 39], [7, 3]], "rows")
    x = Tensor("x", "FLOAT32", (1,))
    model = single("GATHER", [weight(40, 6), rows], [(2, 2, 6)], axis=0)
    model.main.inputs, model.signatures[0].inputs = [x], {"x": x}
    assert set(LOOKUPS) == {"GATHER"}
    _check(model, "the rows looked up are made float", (2,))


def _both_directions(lstm: bool, time_major: bool = False) -> Model:
    """A fused op of both directions with an auxiliary input, all its weights float."""
    batch, steps, features, units = 2, 4, 6, 5
    gates = 4 if lstm else 1
    seeds = iter(range(100))

    def half() -> list[Tensor | None]:
        kernels = [weight(units, features, seed=next(seeds)) for _ in range(gates)]
        recurrent = [weight(units, units, seed=next(seeds), scale=0.2) for _ in range(gates)]
        biases = [weight(units, seed=next(seeds)) for _ in range(gates)]
        looks = [None] * 3 if lstm else []
        ends = [None] * 2 if lstm else []
        return [*kernels, *recurrent, *looks, *biases, *ends]

    def states() -> list[Tensor | None]:
        count = 2 if lstm else 1
        names = [f"state{next(seeds)}" for _ in range(count)]
        return [Tensor(n, "FLOAT32", (batch, units), is_variable=True) for n in names]

    x = (steps, batch, features) if time_major else (batch, steps, features)
    y = (*x[:2], units)
    linked = [weight(units, features, seed=next(seeds)) for _ in range(2 * gates)]
    first, second = half(), half()
    inner = [*first, *second, *states(), *states()]
    if not lstm:
        inner = [*first, *states(), *second, *states()]
    code = f"BIDIRECTIONAL_SEQUENCE_{'LSTM' if lstm else 'RNN'}"
    options = {"fused_activation_function": "TANH", "time_major": time_major}
    return single(code, [x, *inner, x, *linked], [y, y], merge_outputs=False, **options)


@pytest.mark.parametrize("lstm", [False, True])
def test_auxiliary_inputs(lstm: bool) -> None:
    """The weights of an auxiliary input are in int8 as the others are: a kernel reads them so."""
    model = _both_directions(lstm)
    made, outcome = _dynamic(model)
    assert outcome.became == "int8 weights"
    (op,) = made.main.ops
    shapes = [t for t in op.inputs if t is not None and len(t.shape or ()) == 2 and t.data]
    assert {t.dtype for t in shapes} == {"INT8"}
    _resets(model)
    _resets(made)
    assert nearness(model, made, (2,)) > 30


def _resets(model: Model) -> None:
    """Lets every state start from 0 at each call."""
    states = [t for t in model.main.ops[-1].inputs if t is not None and t.is_variable]
    zero, size = Tensor.constant("zero", np.zeros((), np.float32)), whole([2, 5])
    fills = [make_op("FILL", [size, zero], [state]) for state in states]
    model.main.ops = [*fills, *model.main.ops]


def test_a_kernel_that_is_wrong_in_time_major_layout_is_not_used() -> None:
    """The RNN of both directions keeps int8 weights for storage alone."""
    made, outcome = _dynamic(_both_directions(lstm=False, time_major=True))
    assert outcome.reason == _DECODED
    assert hybrid(made.main.ops[-1]) is None


@pytest.mark.parametrize("code", HYBRID)
def test_weights_of_unknown_shapes_have_no_product_of_matrices(code: str) -> None:
    """Where no shape is known, only kernels that do not depend on it are used."""
    x, w = Tensor("x", "FLOAT32", None), Tensor("w", "FLOAT32", None)
    found = hybrid(Op(code, [x, w], [], {"time_major": False}))
    unsure = {"BATCH_MATMUL", "DEPTHWISE_CONV_2D"}
    assert (found is None) == (code in unsure)


def test_what_a_weight_is() -> None:
    """A float constant of two elements or more; no integers, no computed value."""
    two, one = weight(2), weight(1)
    scalar, none = weight(), weight(0, 3)
    integers, computed = whole([1, 2]), Tensor("x", "FLOAT32", (4,))
    every = [two, one, scalar, none, integers, computed]
    assert [is_weight(t) for t in every] == [True] + [False] * 5
    assert weights(Op("ADD", [None, *every], [])) == [two]
