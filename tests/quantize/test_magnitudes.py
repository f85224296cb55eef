"""Integer LSTMs whose weights, biases and inputs are much larger or smaller than usual.

Each was once wrong on LiteRT without a word: a cell state of a fine scale, a projection behind a
zero point, peepholes beside a projection.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.graph.ir import Quantization
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.integer_model import Interface
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import KERNELS, Array, db, feed, model_of, with_int8_weights

#: The least signal-to-noise ratio in dB; or, of a cell that amplifies any rounding, how far below
#: the same cell in float64 whose weights, inputs and states are rounded.
LEAST, BELOW = 20.0, 8.0

STEPS = 20


@st.composite
def lstms(draw: st.DrawFn) -> tuple[Lstm, float]:
    """A cell with any of what the op knows, and how large its inputs are."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features, units = draw(st.integers(1, 40)), draw(st.integers(1, 70))
    parts: dict[str, Any] = {
        part: True for part in ("peephole", "layer_norm", "coupled") if draw(st.integers(0, 3)) == 0
    }
    if draw(st.integers(0, 3)) == 0:
        parts["outputs"] = draw(st.integers(1, units))
    if draw(st.integers(0, 3)) == 0:
        parts["cell_clip"] = 10 ** draw(st.floats(-1, 2))
    weights = 2 * 10 ** draw(st.floats(-1.5, 0.7)) / np.sqrt(max(units, 4))
    inputs, biases = 10 ** draw(st.floats(-2, 2)), 10 ** draw(st.floats(-1.5, 0.7))

    def scaled(gate: Gate | None) -> Any:
        return gate and replace(
            gate,
            kernel=gate.kernel * weights / inputs,
            recurrent=gate.recurrent * weights,
            bias=gate.bias * biases,
        )

    cell = random_lstm(rng, features, units, **parts)
    gates = {name: scaled(getattr(cell, name)) for name in GATES}
    return replace(cell, **gates), inputs


GATES = ("input", "forget", "candidate", "output")


def check(cell: Lstm, magnitude: float) -> None:
    """In integers, on the calibration data, it says what the float op says, call after call."""
    model = model_of(Case((cell,), outputs="y"))
    scale = np.float32(magnitude)
    data = [{n: a * scale for n, a in feed(model, 1000 + k, 8, STEPS).items()} for k in range(6)]
    made = copy.deepcopy(model)
    rewrite(made, "int8", measure(made, iter(data)), Skip(), Interface())
    want = Runner(write_model(model)).run(data[0])["y0"]
    (op,) = (op for op in made.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    (x,) = data[0].values()
    held = (op.inputs[0], *op.inputs[18:20], *op.intermediates[4:])
    scales = [t.quantization if t else None for t in held]
    rounded = in_eight_bits(cell, x, scales, op.options["time_major"])
    least = min(LEAST, db(want, rounded) - BELOW)
    for kernels in KERNELS:
        runner = Runner(write_model(made), kernels)
        first, second = (runner.run(data[0])["y0"] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert db(want, first) > least


def in_eight_bits(
    cell: Lstm, x: Array, scales: Sequence[Quantization | None], time_major: bool
) -> Array:
    """y in float64, where weights, x, h and what is projected have 8 bits, and c has 16.

    Nothing else is rounded.

    Args:
        cell: The cell.
        x: Its input.
        scales: Those of x, h, c and what is projected; None for what a hybrid kernel rounds row by
            row, or not at all.
        time_major: Whether x is [T, B, F].
    """
    of_x, of_h, of_c, *of_m = scales
    stored, numbers = with_int8_weights(cell), _Projected(next(iter(of_m), None))
    steps = np.asarray(x, np.float64) if time_major else np.swapaxes(x, 0, 1).astype(np.float64)
    h, c = (np.zeros((steps.shape[1], width)) for width in cell.states)
    y = []
    for step in steps:
        x_t, h = (_rounded(v, u, 8) if u else _by_row(v) for v, u in ((step, of_x), (h, of_h)))
        h, c = stored.over(numbers, x_t, h, c)
        h, c = (_rounded(v, u, n) if u else v for v, u, n in ((h, of_h, 8), (c, of_c, 16)))
        y.append(h)
    return np.asarray(y) if time_major else np.swapaxes(y, 0, 1)


class _Projected(Numbers):
    """float64, but for what is projected, which has 8 bits."""

    def __init__(self, scale: Quantization | None) -> None:
        self._scale = scale

    def times(self, value: Any, matrix: Any, name: str) -> Any:
        """The product; of a projection by what is rounded."""
        if name == "P":
            value = _rounded(value, self._scale, 8) if self._scale else _by_row(value)
        return super().times(value, matrix, name)


def _rounded(values: Array, units: Quantization, bits: int) -> Array:
    scale, zero, limit = units.scale[0], units.zero_point[0], 2 ** (bits - 1)
    kept = np.clip(np.rint(values / scale) + zero, -limit, limit - 1)
    return np.asarray((kept - zero) * scale)


def _by_row(values: Array) -> Array:
    """Each row by its own scale (portable_tensor_utils.cc, AsymmetricQuantizeFloats)."""
    ends = (np.minimum(values.min(-1, keepdims=True), 0), np.maximum(values.max(-1), 0)[..., None])
    scale = np.where(ends[1] > ends[0], ends[1] - ends[0], 1.0) / 255
    return np.asarray(np.rint(values / scale) * scale)


@given(lstms())
@settings(max_examples=12, deadline=None)
def test_any_magnitude_is_computed(case: tuple[Lstm, float]) -> None:
    """Weights from 0.03 to 5, inputs from 0.01 to 100, with all that the op knows."""
    check(*case)


@pytest.mark.slow
@given(lstms())
@settings(max_examples=300, deadline=None)
def test_any_magnitude_is_computed_at_length(case: tuple[Lstm, float]) -> None:
    """The same, for longer."""
    check(*case)
