"""The specification of every lowering, against the equations written out unit by unit."""

from __future__ import annotations

from dataclasses import replace
from math import exp, sqrt, tanh
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import (
    ACTIVATIONS,
    LAYER_NORM_EPSILON,
    Gate,
    Lstm,
    Recurrence,
    SimpleRnn,
    sigmoid,
)
from tests.recognise.strategies import lstm, simple_rnn

Array = NDArray[Any]


def logistic(z: float) -> float:
    """The textbook's sigmoid."""
    return 1.0 / (1.0 + exp(-z))


def scalar_gate(gate: Gate, x: Array, h: list[float], c: list[float], unit: int) -> float:
    """One unit of a gate, before its sigmoid, by sums written out."""
    z = float(gate.bias[unit])
    z += sum(float(gate.kernel[unit, k]) * x[k] for k in range(len(x)))
    z += sum(float(gate.recurrent[unit, k]) * h[k] for k in range(len(h)))
    return float(z if gate.peephole is None else z + gate.peephole[unit] * c[unit])


def scalar_lstm(cell: Lstm, x: Array) -> list[list[float]]:
    """The outputs of a tanh LSTM over x [T, F], unit by unit."""
    h, c = [0.0] * cell.states[0], [0.0] * cell.units
    outputs = []
    for step in x:
        new, emitted = [], []
        for u in range(cell.units):
            f = logistic(scalar_gate(cell.forget, step, h, c, u))
            i = logistic(scalar_gate(cell.input, step, h, c, u)) if cell.input else 1.0 - f
            g = tanh(scalar_gate(cell.candidate, step, h, c, u))
            value = f * c[u] + i * g
            bound = cell.cell_clip or float("inf")
            new.append(max(-bound, min(bound, value)))
        for u in range(cell.units):
            o = logistic(scalar_gate(cell.output, step, h, new, u))
            emitted.append(o * tanh(new[u]))
        c, h = new, emitted
        if cell.projection is not None:
            bias = cell.projection_bias
            projected = [
                sum(p * m for p, m in zip(row, emitted, strict=True)) for row in cell.projection
            ]
            added = [p + (0.0 if bias is None else float(bias[k])) for k, p in enumerate(projected)]
            bound = cell.projection_clip or float("inf")
            h = [max(-bound, min(bound, p)) for p in added]
        outputs.append(h)
    return outputs


def random_x(features: int = 2, steps: int = 5, batch: int = 3) -> Array:
    """A random sequence [T, B, F]."""
    return np.random.default_rng(5).normal(0.0, 1.5, (steps, batch, features))


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"coupled": True},
        {"peephole": True},
        {"coupled": True, "peephole": True},
        {"outputs": 2},
        {"outputs": 2, "projection_bias": True, "projection_clip": 0.1},
        {"cell_clip": 0.2},
    ],
    ids=lambda k: " ".join(k) or "plain",
)
def test_lstm_is_its_equations(kind: dict[str, Any]) -> None:
    """Every variant of the LSTM puts out what its equations give, for each batch entry."""
    cell, x = lstm(7, **kind), random_x()
    y, *_ = Recurrence("", cell).run(x)
    for b in range(x.shape[1]):
        np.testing.assert_allclose(y[:, b], scalar_lstm(cell, x[:, b]), atol=1e-12)


def test_clips_bind() -> None:
    """The clips keep the states within their bounds, and bounds of 0 do not."""
    clipped = lstm(7, outputs=2, cell_clip=0.2, projection_clip=0.05)
    _, h, c = Recurrence("", clipped).run(random_x())
    _, free_h, free_c = Recurrence("", replace(clipped, cell_clip=0.0, projection_clip=0.0)).run(
        random_x()
    )
    assert np.abs(c).max() == 0.2
    assert np.abs(h).max() == 0.05
    assert np.abs(free_c).max() > 0.2
    assert np.abs(free_h).max() > 0.05


def test_simple_rnn_by_hand() -> None:
    """h' = relu(2 x - h + 1) from h = 0 over 1, -3, 2."""
    one = np.ones((1, 1))
    cell = SimpleRnn(2 * one, -one, np.ones(1), "RELU")
    y, final = Recurrence("", cell).run(np.array([1.0, -3.0, 2.0]).reshape(3, 1, 1))
    assert y.ravel().tolist() == [3.0, 0.0, 5.0]
    assert final.tolist() == [[5.0]]


def test_layer_norm_by_hand() -> None:
    """Normalization takes out mean and deviation over units, scales, and adds the bias after."""
    gate = Gate(
        kernel=np.array([[1.0], [3.0]]),
        recurrent=np.zeros((2, 2)),
        bias=np.array([10.0, 20.0]),
        layer_norm=np.array([2.0, 4.0]),
    )
    z = gate(np.array([[1.0]]), np.zeros((1, 2)), np.zeros((1, 2)))
    deviation = 1.0 / sqrt(1.0 + LAYER_NORM_EPSILON)
    np.testing.assert_allclose(z, [[10.0 - 2.0 * deviation, 20.0 + 4.0 * deviation]])


def test_reverse_is_aligned_with_time() -> None:
    """A reverse recurrence gives at step t what it puts out on reading x[t]."""
    cell, x = lstm(1), random_x()
    y, *finals = Recurrence("", cell, reverse=True).run(x)
    turned, *expected = Recurrence("", cell).run(x[::-1])
    np.testing.assert_array_equal(y, turned[::-1])
    np.testing.assert_array_equal(finals, expected)
    np.testing.assert_array_equal(finals[0], y[0])


@pytest.mark.parametrize("reverse", [False, True])
def test_layout(reverse: bool) -> None:
    """Batch-major and time-major differ in the layout of x and y alone."""
    cell, x = lstm(1), random_x()
    y, *finals = Recurrence("", cell, reverse, time_major=True).run(x)
    other, *same = Recurrence("", cell, reverse, time_major=False).run(x.swapaxes(0, 1))
    np.testing.assert_array_equal(other, y.swapaxes(0, 1))
    np.testing.assert_array_equal(same, finals)


def test_states_go_on() -> None:
    """Two halves, the second from the first's final states, are the whole."""
    cell, x = lstm(1, outputs=2), random_x()
    whole, *finals = Recurrence("", cell).run(x)
    first, *between = Recurrence("", cell).run(x[:2])
    second, *last = Recurrence("", cell).run(x[2:], between)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    for a, b in zip(last, finals, strict=True):
        np.testing.assert_array_equal(a, b)


def test_missing_initial_states_are_zeros() -> None:
    """A state that is None or left out starts from zeros."""
    recurrence, x = Recurrence("", lstm(1)), random_x()
    zeros, c = np.zeros((3, 3)), np.full((3, 3), 0.5)
    np.testing.assert_array_equal(recurrence.run(x)[0], recurrence.run(x, [zeros, zeros])[0])
    np.testing.assert_array_equal(recurrence.run(x, [None, c])[0], recurrence.run(x, [zeros, c])[0])
    assert not np.array_equal(recurrence.run(x, [None, c])[0], recurrence.run(x)[0])


def test_widths() -> None:
    """A cell names its features and the widths of its states, the output's first."""
    assert lstm(features=2, units=3, outputs=4).states == (4, 3)
    assert lstm(features=2, units=3).states == (3, 3)
    assert simple_rnn(features=2, units=3).states == (3,)
    assert lstm(features=2).features == simple_rnn(features=2).features == 2


def test_sigmoid_far_out() -> None:
    """The sigmoid neither overflows nor leaves [0, 1] for numbers of any size."""
    with np.errstate(all="raise"):
        values = sigmoid(np.array([-1e30, -800.0, 0.0, 800.0, 1e30]))
    np.testing.assert_array_equal(values, [0.0, 0.0, 0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NONE", [-8.0, -0.5, 0.5, 8.0]),
        ("RELU", [0.0, 0.0, 0.5, 8.0]),
        ("RELU6", [0.0, 0.0, 0.5, 6.0]),
        ("RELU_N1_TO_1", [-1.0, -0.5, 0.5, 1.0]),
        ("TANH", [tanh(z) for z in (-8.0, -0.5, 0.5, 8.0)]),
        ("SIGMOID", [logistic(z) for z in (-8.0, -0.5, 0.5, 8.0)]),
    ],
)
def test_activations(name: str, expected: list[float]) -> None:
    """Each activation is the function of its name."""
    np.testing.assert_allclose(ACTIVATIONS[name](np.array([-8.0, -0.5, 0.5, 8.0])), expected)
