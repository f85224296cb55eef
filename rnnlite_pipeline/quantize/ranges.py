"""The range of every value of the main graph and of its loops, on the calibration data.

The float model itself runs, with every value as an output, so nothing is measured otherwise than
it is computed; and its states start anew for each batch, because the graph writes them.
What an LSTM keeps to itself (cell state, gates) is computed by the cell's own equations; what
stands in a loop is measured by the loop (watch.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.compare.batch_axis import Axes
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.extract import giving, with_called
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.quantize.calibration import Arrays
from rnnlite_pipeline.quantize.integer_lstm import initial, why_not
from rnnlite_pipeline.quantize.numbers import steady
from rnnlite_pipeline.quantize.own_states import OwnStates
from rnnlite_pipeline.quantize.traces import Trace, trace
from rnnlite_pipeline.quantize.watch import Row, watching
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.steps import step

Range = tuple[float, float]

#: The batch in front of every input.
_FIRST = Axes()


@dataclass
class Ranges:
    """Smallest and largest values.

    Attributes:
        tensors: Of each float tensor that is fed or computed in the main graph, or computed in a
            loop; infinite ends where a value was not finite.
        cells: Of each LSTM's inner values.
        samples: How many samples they were measured on.
    """

    tensors: dict[Tensor, Range] = field(default_factory=dict)
    cells: dict[Op, Trace] = field(default_factory=dict)
    samples: int = 0

    def see(self, tensor: Tensor, array: NDArray[np.float32]) -> None:
        """Widens the range of a tensor."""
        if array.size:
            self.widen(tensor, float(array.min()), float(array.max()))

    def widen(self, tensor: Tensor, least: float, most: float) -> None:
        """Lets the range of a tensor take in another, and 0; with NaN it has no ends."""
        if math.isnan(least) or math.isnan(most):
            least, most = -math.inf, math.inf
        low, high = self.tensors.get(tensor, (0.0, 0.0))
        self.tensors[tensor] = (min(low, least), max(high, most))

    def steady(self) -> Ranges:
        """The same, whatever CPU they were measured on."""
        tensors = {t: (steady(low), steady(high)) for t, (low, high) in self.tensors.items()}
        cells = {op: seen.steady() for op, seen in self.cells.items()}
        return Ranges(tensors, cells, self.samples)


def measure(
    model: Model, feeds: Iterator[Arrays], states: Sequence[State] = (), axes: Axes = _FIRST
) -> Ranges:
    """Runs the model on every batch; memory holds one batch at a time.

    Args:
        model: The lowered float graph.
        feeds: Arrays by input name, the batch in front.
        states: Those of the graph's that the feeds do not have (own_states.py).
        axes: Where the model has the batch of its inputs.
    """
    own = OwnStates(model, states)
    ranges, inputs = Ranges(), model.signatures[0].inputs
    floats = [t for op in model.main.ops for t in op.outputs if _is_seen(t)]
    computed = list(dict.fromkeys([*floats, *own.ends]))
    made, rows = _watched(model, computed)
    runner = open_runner(made)
    writers, readers = producers(model.main), consumers(model.main)
    fused = [op for op in model.main.ops if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    lstms = [op for op in fused if not why_not(op, writers, readers)]
    for given in feeds:
        feed = axes.of_model(given) | own.before()
        results = runner.run(feed)
        values = {t: results[f"value_{k}"] for k, t in enumerate(computed)}
        values |= {t: feed[name] for name, t in inputs.items() if t.dtype == "FLOAT32"}
        own.after(values)
        for tensor, array in values.items():
            if tensor.dtype == "FLOAT32":
                ranges.see(tensor, array)
        for k, row in enumerate(rows):
            ends = zip(row.tensors, results[f"low_{k}"], results[f"high_{k}"], strict=True)
            for tensor, least, most in ends:
                ranges.widen(tensor, float(least), float(most))
        for op in lstms:
            start, x = initial(op, writers, values), op.inputs[0]
            assert x is not None
            ranges.see(op.outputs[0], start[0])
            seen = trace(op, values[x] if x in values else np.asarray(x.array), start)
            ranges.cells[op] = seen | ranges.cells[op] if op in ranges.cells else seen
        before, ranges.samples = ranges.samples, ranges.samples + _rows(given)
        if before // 500 != ranges.samples // 500:
            step(f"calibrated on {ranges.samples:,} samples")
    print(f"calibrated on {ranges.samples:,} samples", flush=True)
    return ranges.steady()


def _watched(model: Model, tensors: list[Tensor]) -> tuple[Model, list[Row]]:
    """`giving`, and what its loops say of their values, as outputs low_0, high_0 and so on."""
    made = giving(model, tensors)
    graph, rows = watching(made.main)
    outputs = made.signatures[0].outputs
    outputs |= {f"low_{k}": row.low for k, row in enumerate(rows)}
    outputs |= {f"high_{k}": row.high for k, row in enumerate(rows)}
    graph.outputs = list(outputs.values())
    signature = Signature("values", graph, made.signatures[0].inputs, outputs)
    return Model(with_called([graph]), [signature]), rows


def _rows(given: Arrays) -> int:
    """The samples of a batch; one where no input has a batch."""
    return next((len(array) for array in given.values() if array.ndim), 1)


def _is_seen(tensor: Tensor) -> bool:
    return tensor.dtype == "FLOAT32" and not tensor.is_variable
