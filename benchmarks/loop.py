"""What a recurrence costs as a loop, as a fused op, and as the stock conversion.

    python benchmarks/loop.py

One thread, default delegate, batch 1, the whole sequence returned. All forms of a line are timed
in turns, in one process; a figure is the median of the rounds, a ratio the median of the rounds'
ratios to the stock conversion. The clock is that of the one thread, so that a busy machine tells
what an idle one does, but for the caches that are shared.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.equations import Equations
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.cells.symbols import INPUT, before
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.timing import timed
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner

#: (T, F, U): steps, features, units.
Sizes = tuple[int, int, int]

LSTM_SIZES: tuple[Sizes, ...] = (
    (28, 28, 64),
    (100, 40, 128),
    (100, 256, 512),
    (1000, 40, 128),
    (10_000, 40, 128),
)
GRU_SIZES: tuple[Sizes, ...] = ((28, 28, 64), (100, 40, 128), (1000, 40, 128), (10_000, 40, 128))


@dataclass(frozen=True)
class Line:
    """Milliseconds a call by form, round by round."""

    cell: str
    sizes: Sizes
    rounds: dict[str, list[float]]

    def __str__(self) -> str:
        stock = self.rounds["stock"]
        cells = [f"{self.cell:4} {', '.join(map(str, self.sizes)):13}"]
        for form, times in self.rounds.items():
            ratio = statistics.median(s / t for s, t in zip(stock, times, strict=True))
            cells.append(f"{form} {statistics.median(times):7.3f} ms ({ratio:.2f}x)")
        return " | ".join(cells)


def lstm(features: int, units: int) -> Lstm:
    """A plain LSTM with random weights."""
    rng = np.random.default_rng(0)

    def gate() -> Gate:
        kernel, recurrent = _uniform(rng, units, features), _uniform(rng, units, units)
        return Gate(kernel, recurrent, _uniform(rng, units, 1)[:, 0])

    return Lstm(gate(), gate(), gate(), gate())


def gru(features: int, units: int) -> Equations:
    """Keras's GRU, reset after the product, with random weights."""
    rng = np.random.default_rng(0)
    x, h = symbol(INPUT, features), symbol(before(0), units)

    def product(value: Form, width: int) -> Form:
        return value @ _uniform(rng, width, units) + constant(_uniform(rng, units, 1)[:, 0])

    z, r = (apply("LOGISTIC", product(x, features) + product(h, units)) for _ in range(2))
    candidate = apply("TANH", product(x, features) + r * product(h, units))
    new = z * h + candidate - z * candidate
    return Equations("GRU", features, (units,), (new,), (0,))


def _uniform(rng: np.random.Generator, rows: int, columns: int) -> NDArray[Any]:
    return rng.uniform(-0.1, 0.1, (rows, columns))


def lowered(cell: Cell, form: Any, steps: int, *, int8: bool = False) -> bytes:
    """A model of one recurrence, batch-major as Keras has it, its batch open."""
    x = Tensor("x", "FLOAT32", (OPEN, steps, cell.features))
    y = Tensor("y", "FLOAT32", (OPEN, steps, cell.states[0]))
    finals = [Tensor("final", "FLOAT32", (OPEN, width)) for width in cell.states]
    op = Op(
        RECURRENCE, [x], [y, *finals], {"recurrence": Recurrence("layer", cell, time_major=False)}
    )
    main = Subgraph("main", [x], [y], [op])
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    lower(model, form)
    if int8:
        dynamic_range(model, Skip())
    return write_model(model)


def stock(cell: str, sizes: Sizes) -> bytes:
    """What TensorFlow's converter makes of the Keras 3 layer, for a batch of 1."""
    # The converter is what is measured against: this file is no part of the package.
    import keras  # noqa: TID251
    import tensorflow as tf  # noqa: TID251

    steps, features, units = sizes
    layer = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}[cell]
    x = keras.Input((steps, features), batch_size=1, name="x")
    model = keras.Model(x, layer(units, return_sequences=True)(x))
    with contextlib.redirect_stdout(io.StringIO()):
        converted: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return converted


def compared(models: dict[str, bytes], x: NDArray[Any]) -> dict[str, list[float]]:
    """Milliseconds a call, each round in turns."""
    calls = {}
    for form, data in models.items():
        runner = Runner(data, "default", threads=1)
        calls[form] = partial(runner.run, dict.fromkeys(runner.inputs, x))
        calls[form]()
    return timed(calls, time.thread_time)


def line(cell: str, sizes: Sizes) -> Line:
    """One line of the table."""
    steps, features, units = sizes
    made: Cell = lstm(features, units) if cell == "LSTM" else gru(features, units)
    models = {"stock": stock(cell, sizes)}
    if cell == "LSTM":
        models["fused"] = lowered(made, "fused", steps)
    models["loop"] = lowered(made, "loop", steps)
    models["loop, T open"] = lowered(made, "loop", OPEN)
    models["loop, int8 weights"] = lowered(made, "loop", steps, int8=True)
    x = np.random.default_rng(0).normal(size=(1, steps, features)).astype(np.float32)
    return Line(cell, sizes, compared(models, x))


def main() -> None:
    """Prints the table."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for cell, all_sizes in (("GRU", GRU_SIZES), ("LSTM", LSTM_SIZES)):
        for sizes in all_sizes:
            print(line(cell, sizes), flush=True)


if __name__ == "__main__":
    main()
