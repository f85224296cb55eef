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


def test_a_part_of_a_sum_may_be_larger_than_the_sum() -> None:
    """The recurrent product takes away what the input's has added: the scale holds both."""
    cell = random_lstm(RNG, 3, 4, layer_norm=True)
    taken = replace(cell.forget, kernel=np.full((4, 3), 5.0), recurrent=np.zeros((4, 4)))
    cell = replace(cell, forget=replace(taken, peephole=None))
    x = np.ones((3, 1, 3), np.float32)
    assert trace(fused(cell), x).gates[1] == pytest.approx(15.0)
    h = trace(fused(cell), x).hidden
    away = replace(cell.forget, recurrent=np.full((4, 4), -15.0 / max(map(abs, h)) / 4))
    assert trace(fused(replace(cell, forget=away)), x).gates[1] >= 15.0 - 1e-5


@pytest.mark.parametrize(("kernel", "loses"), [(2.0, False), (20.0, True)])
def test_what_a_gate_loses_where_its_parts_end(kernel: float, loses: bool) -> None:
    """W x of 20 ends at 8; the bias is added to it first, then R h takes from 8 and not from 20."""
    gate = random_lstm(RNG, 1, 1).forget
    gate = replace(gate, kernel=np.array([[1.0]]), recurrent=np.zeros((1, 1)), bias=np.zeros(1))
    shut = replace(gate, kernel=np.array([[kernel]]), recurrent=np.array([[-2.0 * kernel]]))
    cell = Lstm(gate, gate, gate, shut)
    found = trace(fused(cell), np.ones((6, 1, 1), np.float32))
    assert (found.lost > 0.01) == loses
    assert (found | found).lost == found.steady().lost == found.lost
