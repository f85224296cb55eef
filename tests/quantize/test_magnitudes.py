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
from tests.quantize.author import KERNELS, Array, db, feed, model_of

#: The least signal-to-noise ratio in dB; or, of a cell that amplifies any rounding, how far below
#: one whose states alone are rounded.
LEAST, BELOW = 20.0, 12.0

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
    states = [t.quantization for t in op.inputs[18:20] if t is not None and t.quantization]
    least = LEAST
    if states:
        rounded = with_rounded_states(cell, x, states, op.options["time_major"])
        least = min(LEAST, db(want, rounded) - BELOW)
    for kernels in KERNELS:
        runner = Runner(write_model(made), kernels)
        first, second = (runner.run(data[0])["y0"] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert db(want, first) > least


def with_rounded_states(
    cell: Lstm, x: Array, scales: Sequence[Quantization], time_major: bool
) -> Array:
    """y, where h in int8 and c in int16 are rounded after every step, and nothing else is."""
    of_h, of_c = scales
    steps = np.asarray(x, np.float64) if time_major else np.swapaxes(x, 0, 1).astype(np.float64)
    h, c = (np.zeros((steps.shape[1], width)) for width in cell.states)
    y = []
    for x_t in steps:
        h, c = cell.step(x_t, (h, c))
        h, c = _rounded(h, of_h, 8), _rounded(c, of_c, 16)
        y.append(h)
    return np.asarray(y) if time_major else np.swapaxes(y, 0, 1)


def _rounded(values: Array, units: Quantization, bits: int) -> Array:
    scale, zero, limit = units.scale[0], units.zero_point[0], 2 ** (bits - 1)
    kept = np.clip(np.rint(values / scale) + zero, -limit, limit - 1)
    return np.asarray((kept - zero) * scale)


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
