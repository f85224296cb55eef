"""The form of a layer is one that all targets take."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.by_targets import has_op, takes_rank
from rnnlite_pipeline.lower.choice import Form
from rnnlite_pipeline.lower.without_reduce_any import without_reduce_any
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import Case, histogram, random_lstm
from tests.lower.loop_cases import gru

RNG = np.random.default_rng(0)
LSTM, PEEPHOLES, GRU = random_lstm(RNG, 3, 4), random_lstm(RNG, 3, 4, peephole=True), gru(RNG, 3, 4)


def _case(cell: Cell, steps: int = 5, *, open_steps: bool = False) -> Model:
    sizes = {"open_batch": False, "batch": 1, "steps": steps, "open_steps": open_steps}
    return Case((cell,), outputs="y", **sizes).model()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "targets", "dtype", "form"),
    [
        (LSTM, ("litert",), "FLOAT32", "fused"),
        (LSTM, ("litert", "tflm"), "FLOAT32", "fused"),
        (LSTM, ("litert", "tflm"), "INT16", "loop"),
        (LSTM, ("tflm",), "INT16", "fused"),
        (LSTM, ("litert", "litert-compiled"), "FLOAT32", "loop"),
        (LSTM, ("tflm", "ethos-u55"), "INT8", "fused"),
        (LSTM, ("litert-compiled", "ethos-u55"), "INT8", "unrolled"),
        (PEEPHOLES, ("litert", "tflm"), "FLOAT32", "loop"),
        (PEEPHOLES, ("ethos-u85",), "INT8", "unrolled"),
        (GRU, ("tflm", "litert-web"), "FLOAT32", "loop"),
        (GRU, ("mediatek",), "FLOAT32", "unrolled"),
    ],
)
def test_the_first_form_that_all_take(
    cell: Cell, targets: tuple[str, ...], dtype: str, form: str
) -> None:
    """A fused op, else a loop, else steps; the reason names the target that ruled one out."""
    model = _case(cell)
    (lowered,) = lower(model, "auto", False, targets, dtype)
    assert lowered.form == form
    if form != "fused" and cell is LSTM:
        assert "does not take it" in lowered.reason


@pytest.mark.parametrize(
    ("form", "targets", "open_steps", "said"),
    [
        ("loop", ("ethos-u55",), False, "loop: ethos-u55 does not take it: WHILE"),
        ("auto", ("ethos-u55",), True, "unrolled: its length is open"),
        ("unrolled", ("litert",), True, "unrolled: its length is open"),
    ],
)
def test_no_form_is_an_error(
    form: Form, targets: tuple[str, ...], open_steps: bool, said: str
) -> None:
    """It names the layer, each form, the target and the reason, and leaves the model as it is."""
    model = _case(GRU, open_steps=open_steps)
    with pytest.raises(
        NotConvertible, match='"layer0" has no form that all targets take'
    ) as raised:
        lower(model, form, False, targets, "INT8")
    assert said in str(raised.value)
    assert histogram(model) == {"rnnlite.RECURRENCE": 1}


@pytest.mark.parametrize("keep", [False, True])
def test_any_is_not_all_not(keep: bool) -> None:
    """For a target without REDUCE_ANY the same is computed by what it has; for others it stays."""
    x = Tensor("x", "BOOL", (3, 4))
    out = Tensor("y", "BOOL", (3, 1) if keep else (3,))
    axis = Tensor.constant("axis", np.array([1], np.int32))
    model = Model([Subgraph("main", [x], [out], [make_op("REDUCE_ANY", [x, axis], [out])])])
    model.main.ops[0].options["keep_dims"] = keep
    assert not without_reduce_any(model, has_op(("litert",)))
    values = RNG.random((3, 4)) > 0.7
    values[1] = False
    before = Runner(write_model(model), "reference").run({"x": values})
    assert without_reduce_any(model, has_op(("litert", "tflm")))
    assert "REDUCE_ANY" not in histogram(model)
    after = Runner(write_model(model), "reference").run({"x": values})
    np.testing.assert_array_equal(before["y"], after["y"])


def test_a_row_is_not_sliced_by_the_delegate_for_gpus() -> None:
    """Its STRIDED_SLICE takes ranks 3 and 4; a GRU for it is parted by SPLIT_V."""
    assert takes_rank(["litert", "tflm"], "STRIDED_SLICE", 2)
    assert not takes_rank(["litert", "litert-gpu"], "STRIDED_SLICE", 2)
    assert takes_rank(["litert-gpu"], "STRIDED_SLICE", 3)
    assert not takes_rank(["litert-gpu"], "GATHER_ND", 2)
    for target, code in (("litert", "STRIDED_SLICE"), ("litert-gpu", "SPLIT_V")):
        model = _case(GRU)
        lower(model, targets=[target])
        assert any(op.code == code for graph in model.subgraphs for op in graph.ops)
