"""What a loop costs in a file, beside its weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.edit import ensure_signature, prune, tensors
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.drop_names import drop_names
from rnnlite_pipeline.passes.share_sizes import share_sizes
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.lower.loop_cases import gru
from tests.quantize.author import quantized

#: The dtypes of weights and biases; sizes and indexes are int32.
WEIGHTS = ("FLOAT32", "INT8", "INT64")

CELLS: dict[str, Callable[..., Cell]] = {
    "GRU": gru,
    "LSTM": random_lstm,
    "SimpleRNN": random_rnn,
}


def beside_weights(model: Model) -> int:
    """The bytes of a file without weights and biases, their scales and zero points.

    A file has equal ones once: a scale is 4 bytes, a zero point 8.
    """
    content = write_model(model)
    stored = {t for g in read_model(content).subgraphs for t in tensors(g) if t.data is not None}
    weights = {t.data: t for t in stored if t.dtype in WEIGHTS}
    quantized = [t.quantization for t in weights.values() if t.quantization is not None]
    scales = {tuple(q.scale) for q in quantized}
    zeros = {tuple(q.zero_point) for q in quantized}
    parameters = 4 * sum(map(len, scales)) + 8 * sum(map(len, zeros))
    return len(content) - sum(len(t.data or b"") for t in weights.values()) - parameters


@pytest.mark.parametrize("scheme", ["none", "dynamic_range", "int8"])
@pytest.mark.parametrize("open_steps", [False, True])
@pytest.mark.parametrize("cell", list(CELLS))
def test_a_loop_is_a_few_kilobytes(cell: str, open_steps: bool, scheme: str) -> None:
    """At most 6 KB where the length is known, 12 KB where it is open; in integers 6.25 and 8.5."""
    rng = np.random.default_rng(0)
    made = CELLS[cell](rng, 40, 128)
    case = Case((made,), time_major=False, steps=100, open_steps=open_steps, outputs="y")
    model = case.model()
    ensure_signature(model)
    size = 4 if scheme == "none" else 1
    lower(model, "loop", integers=scheme == "int8", weight_bytes=size)
    if scheme != "none":
        model, _ = quantized(model, scheme)
    share_sizes(model)
    prune(model)
    drop_names(model)
    known, open_ = (6.25, 8.5) if scheme == "int8" else (6.0, 12.0)
    most = open_ if open_steps else known
    assert beside_weights(model) < most * 1024
