"""Long short-term memory: its equations unit by unit, its text, and how its loops are read."""

from __future__ import annotations

from dataclasses import replace
from math import exp, sqrt, tanh
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.numbers import LAYER_NORM_EPSILON
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from tests.cells.on_ops import RNG, SPELLINGS, check_cell, check_equations
from tests.lower.cases import random_lstm
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm

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


def gate(*, peephole: bool = False, norm: bool = False, bias: float = 1.0) -> Gate:
    """Of 2 units, 3 features and 2 outputs."""
    ones = np.ones(2)
    parts = (ones if peephole else None, ones if norm else None)
    return Gate(np.ones((2, 3)), np.ones((2, 2)), np.full(2, bias), *parts)


def test_a_plain_lstm() -> None:
    """Six lines; a bias of zeros is not written."""
    assert Lstm(gate(), gate(), gate(bias=0.0), gate()).text() == [
        "i = σ(W_i x + R_i h + b_i)",
        "f = σ(W_f x + R_f h + b_f)",
        "g = tanh(W_g x + R_g h)",
        "c′ = f ⊙ c + i ⊙ g",
        "o = σ(W_o x + R_o h + b_o)",
        "h′ = o ⊙ tanh(c′)",
    ]


def test_every_part_of_an_lstm() -> None:
    """Coupled gates, peepholes (the output's on the new state), norms, clips, a projection."""
    full = gate(peephole=True, norm=True)
    lines = Lstm(
        None, full, gate(norm=True), full, "RELU", np.ones((2, 2)), np.ones(2), 3.0, 0.5
    ).text()
    assert lines == [
        "f = σ(l_f ⊙ norm(W_f x + R_f h + p_f ⊙ c) + b_f)",
        "g = relu(l_g ⊙ norm(W_g x + R_g h) + b_g)",
        "c′ = clip(f ⊙ c + (1 − f) ⊙ g, ±3)",
        "o = σ(l_o ⊙ norm(W_o x + R_o h + p_o ⊙ c′) + b_o)",
        "h′ = clip(P (o ⊙ relu(c′)) + b_p, ±0.5)",
    ]


#: Every variant alone, and all of them.
VARIANTS: list[dict[str, Any]] = [
    {},
    {"coupled": True},
    {"peephole": True},
    {"layer_norm": True},
    {"outputs": 2},
    {"outputs": 2, "projection_bias": True, "projection_clip": 0.25},
    {"cell_clip": 0.5},
    {"activation": "RELU"},
    {"peephole": True, "layer_norm": True, "outputs": 2, "projection_clip": 0.5, "cell_clip": 1.0},
    {"coupled": True, "peephole": True, "layer_norm": True},
]


@pytest.mark.parametrize("kind", VARIANTS, ids=lambda k: " ".join(k) or "plain")
def test_equations(kind: dict[str, Any]) -> None:
    """The step is the same on numbers and by its equations."""
    check_equations(random_lstm(RNG, 3, 4, **kind))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", VARIANTS, ids=lambda k: " ".join(k) or "plain")
def test_its_loops_are_read(kind: dict[str, Any], spelling: Spelling) -> None:
    """Its loop is read as it, with its weights, and becomes ops that compute what it computes."""
    check_cell(random_lstm(RNG, 3, 4, **kind), spelling)
