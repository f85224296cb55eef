"""What a fused LSTM keeps to itself, as calibration sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.traces import cell_of, trace
from tests.cells.on_ops import check_same_weights
from tests.lower.cases import Case, random_lstm

RNG = np.random.default_rng(3)


def fused(cell: Lstm) -> Op:
    """The op of a cell."""
    model: Model = Case((cell,)).model()
    lower(model)
    (op,) = (op for op in model.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    return op


@pytest.mark.parametrize(
    "kind",
    [{}, {"coupled": True, "peephole": True}, {"layer_norm": True, "outputs": 2, "cell_clip": 2.0}],
    ids=str,
)
def test_an_op_is_the_cell_it_was_made_of(kind: dict[str, object]) -> None:
    """Every operand and option is read back as the weight it was."""
    cell = random_lstm(RNG, 3, 4, **kind)  # type: ignore[arg-type]
    check_same_weights(cell_of(fused(cell)), cell)


def test_what_is_projected() -> None:
    """Under a projection that changes nothing, what is projected is what is put out."""
    cell = replace(random_lstm(RNG, 3, 4, layer_norm=True), projection=np.eye(4))
    x = RNG.normal(size=(6, 5, 3)).astype(np.float32)
    y, _, c = Recurrence("", cell).run(x)
    found = trace(fused(cell), x)
    np.testing.assert_allclose(found.hidden, (min(0, y.min()), max(0, y.max())), rtol=1e-5)
    assert found.cell >= np.abs(c).max() - 1e-6


def test_what_is_normalized() -> None:
    """The largest sum of each gate before its norm; the output gate reads the old h too."""
    cell = random_lstm(RNG, 3, 4, layer_norm=True)
    x = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    zeros = np.zeros((5, 4))
    h, _ = cell.step(x[0].astype(float), (zeros, zeros))
    sums = [
        [
            np.abs(now @ gate.kernel.T + before @ gate.recurrent.T).max()
            for gate in cell.gates.values()
        ]
        for now, before in ((x[0], zeros), (x[1], h))
    ]
    np.testing.assert_allclose(trace(fused(cell), x).gates, np.max(sums, axis=0), rtol=1e-5)
