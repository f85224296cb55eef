"""What rounding costs an LSTM that is layer-normalized: no more than the roundings themselves.

A normalization divides by the deviation of a gate's sums. Where that is small, as over few units,
it makes small roundings large; ten untrained layers do so ten times. The noise of the quantized op
is held to that of the same roundings in float64, where no kernel is.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize import quantize
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.author import with_int8_weights

T, B, U = 24, 8, 16
RNG = np.random.default_rng(0)

#: How much more noise than the roundings alone an op may have, in dB.
ROOM = 4.0


def cell() -> Lstm:
    """A layer-normalized LSTM as it is before training: an orthogonal recurrent kernel."""

    def gate(bias: float) -> Gate:
        kernel = RNG.uniform(-0.25, 0.25, (U, U))
        recurrent = np.linalg.qr(RNG.normal(size=(U, U)))[0]
        return Gate(kernel, recurrent, np.full(U, bias), None, np.ones(U))

    return Lstm(gate(0.0), gate(1.0), gate(0.0), gate(0.0))


def stack(cells: list[Lstm]) -> Model:
    """The cells one above the other, lowered; x [T, B, U] to the last one's y."""
    x = given = Tensor("x", "FLOAT32", (T, B, U))
    ops = []
    for k, each in enumerate(cells):
        made = [Tensor(f"y{k}", "FLOAT32", (T, B, U))]
        made += [Tensor(f"{name}{k}", "FLOAT32", (B, U)) for name in "hc"]
        recurrence = Recurrence(f"l{k}", each, reverse=False, time_major=True)
        ops.append(Op(RECURRENCE, [x, None, None], made, {"recurrence": recurrence}))
        x = made[0]
    model = Model([Subgraph("main", [given], [x], ops)])
    ensure_signature(model)
    lower(model)
    return model


def in_float64(cells: list[Lstm], x: Any) -> Any:
    """What the cells compute."""
    for each in cells:
        x = Recurrence("l", each, reverse=False, time_major=True).run(x, [None, None])[0]
    return x


def ratio(truth: Any, other: Any) -> float:
    """The signal-to-noise ratio in dB."""
    return float(10 * np.log10(np.square(truth).mean() / np.square(truth - other).mean()))


def run(model: Model, x: Any) -> Any:
    """The model's only output."""
    (y,) = Runner(write_model(model), "reference").run({"x": x}).values()
    return y


@pytest.mark.parametrize("layers", [1, 4])
def test_int8_weights_cost_what_rounding_them_costs(layers: int) -> None:
    """Hybrid kernels have the noise of rounded weights, however many layers make it larger."""
    x = RNG.normal(size=(T, B, U)).astype(np.float32)
    cells = [cell() for _ in range(layers)]
    truth = in_float64(cells, x.astype(np.float64))
    alone = ratio(truth, in_float64([with_int8_weights(c) for c in cells], x.astype(np.float64)))
    model = copy.deepcopy(stack(cells))
    dynamic_range(model, Skip())
    assert ratio(truth, run(model, x)) > alone - ROOM


def test_int8_costs_what_rounding_to_eight_bits_costs(tmp_path: Path) -> None:
    """The integer kernel has the noise of eight bits for x, h and the weights."""
    x, one = RNG.normal(size=(T, B, U)).astype(np.float32), cell()
    np.savez(tmp_path / "calibration.npz", x=x)
    config = Config.model_validate(
        {
            "name": "normalized",
            "source": {"format": "keras", "path": "normalized.keras"},
            "quantization": {
                "scheme": "int8",
                "calibration": {"path": str(tmp_path / "calibration.npz")},
            },
        }
    )
    model, _ = quantize(stack([one]), config)
    truth = in_float64([one], x.astype(np.float64))
    stored, scale = with_int8_weights(one), np.ptp(truth) / 255
    rounded = np.round(x * 127.0 / np.abs(x).max()) * np.abs(x).max() / 127
    h, c, steps = np.zeros((B, U)), np.zeros((B, U)), []
    for step in rounded:
        h, c = stored.step(step, [h, c])[:2]
        h = np.round(h / scale) * scale
        steps.append(h)
    assert ratio(truth, run(model, x)) > ratio(truth, np.stack(steps)) - ROOM
