"""Fused ops say exactly what the recurrence says, at every call and every batch size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import KERNELS, Case, Initial, histogram, random_lstm, random_rnn

INITIAL: tuple[Initial, ...] = ("none", "zeros", "row", "batch", "input", "computed")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any recurrence that has a fused op, in any surrounding."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features, units = draw(st.integers(1, 5)), draw(st.integers(1, 20))
    count = draw(st.sampled_from([1, 2]))
    if draw(st.booleans()):
        outputs = draw(st.none() | st.integers(1, units))
        attributes: dict[str, Any] = {
            "coupled": draw(st.booleans()),
            "peephole": draw(st.booleans()),
            # Over few units the variance may vanish, and float32 cannot follow.
            "layer_norm": count == 1 and units > 4 and draw(st.booleans()),
            "projection_bias": draw(st.booleans()),
            "activation": draw(st.sampled_from(["TANH", "RELU", "RELU6"])),
            "cell_clip": draw(st.sampled_from([0.0, 0.3])),
            "projection_clip": draw(st.sampled_from([0.0, 0.2])) if outputs else 0.0,
        }
        cells: list[Cell] = [
            random_lstm(rng, features, units, outputs=outputs, **attributes) for _ in range(count)
        ]
    else:
        activation = draw(st.sampled_from(["TANH", "RELU6", "RELU_N1_TO_1", "NONE"]))
        cells = [
            random_rnn(rng, features, units + draw(st.integers(0, 3)), activation)
            for _ in range(count)
        ]
    return Case(
        tuple(cells),
        reverse=draw(st.booleans()),
        time_major=draw(st.booleans()),
        batch=draw(st.sampled_from([1, 3])),
        steps=draw(st.sampled_from([1, 2, 7])),
        open_batch=draw(st.booleans()),
        open_steps=draw(st.booleans()),
        initial=tuple(draw(st.lists(st.sampled_from(INITIAL), max_size=4))),
        outputs=draw(st.sampled_from(["all", "y", "finals", "cell"])),
        sized_late=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def lowered(case: Case) -> Model:
    """The case's graph with fused ops."""
    model = case.model()
    lower(model)
    return model


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_fused_op_computes_the_recurrence(case: Case) -> None:
    """Outputs and final states are those of `Recurrence.run`; call two equals call one."""
    case.check(lowered(case))


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_fused_op_computes_the_recurrence_at_length(case: Case) -> None:
    """The same as above, over many more recurrences."""
    case.check(lowered(case))


def test_plain_lstm_needs_six_ops() -> None:
    """An open batch costs one shape and one FILL a state; a fixed one only the FILLs."""
    cell = random_lstm(np.random.default_rng(0), 3, 4)
    assert histogram(lowered(Case((cell,), outputs="y"))) == {
        "SHAPE": 1,
        "STRIDED_SLICE": 1,
        "CONCATENATION": 1,
        "FILL": 2,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
    }
    assert histogram(lowered(Case((cell,), outputs="y", open_batch=False))) == {
        "FILL": 2,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
    }


def test_bidirectional_op_reverses_nothing() -> None:
    """The kernel runs backward itself: no REVERSE_V2, no second op, no merging."""
    rng = np.random.default_rng(0)
    case = Case((random_lstm(rng, 3, 4), random_lstm(rng, 3, 4)), outputs="y", open_batch=False)
    assert histogram(lowered(case)) == {"FILL": 4, "BIDIRECTIONAL_SEQUENCE_LSTM": 1}


def test_reverse_recurrence_whose_sequence_is_unused_is_reversed_once() -> None:
    """Only x is reversed where only the final states are read."""
    cell = random_lstm(np.random.default_rng(0), 3, 4)
    found = histogram(lowered(Case((cell,), reverse=True, outputs="finals")))
    assert found["REVERSE_V2"] == 1


@pytest.mark.parametrize("time_major", [True, False])
def test_outputs_stay_two_and_versions_fit(time_major: bool) -> None:
    """Merged batch-major outputs are wrong in the kernel; version 1 means time-major there."""
    rng = np.random.default_rng(0)
    pair = Case((random_lstm(rng, 3, 4), random_lstm(rng, 3, 4)), time_major=time_major)
    op = next(op for op in lowered(pair).ops() if op.code == "BIDIRECTIONAL_SEQUENCE_LSTM")
    assert (len(op.outputs), op.options["merge_outputs"]) == (2, False)
    assert (op.version, len(op.inputs)) == (1 if time_major else 2, 48)


@pytest.mark.parametrize("kernels", KERNELS)
def test_counting_cell_passes_ten(kernels: Any) -> None:
    """A cell that adds 1 a step holds 25 after 25 steps: nothing clips it at 10."""
    open_gate = Gate(np.zeros((1, 1)), np.zeros((1, 1)), np.full(1, 50.0))
    one = Gate(np.full((1, 1), 50.0), np.zeros((1, 1)), np.zeros(1))
    case = Case((Lstm(open_gate, open_gate, one, open_gate),), outputs="cell")
    runner = Runner(write_model(lowered(case)), kernels)
    for _ in range(2):
        (count,) = runner.run({"x": np.ones((25, 3, 1), np.float32)}).values()
        np.testing.assert_array_equal(count, np.full((3, 1), 25.0))


def test_stacked_layers_keep_their_states_apart() -> None:
    """Two layers and an op between them: each layer has states of its own at every batch."""
    rng = np.random.default_rng(1)
    first = Recurrence("a", random_lstm(rng, 3, 17))
    second = Recurrence("b", random_lstm(rng, 17, 33), reverse=True)
    x, y, z = (Tensor(n, "FLOAT32", (-1, -1, w)) for n, w in (("x", 3), ("y", 17), ("z", 33)))
    finals = [Tensor("f", "FLOAT32", (-1, w)) for w in (17, 17, 33, 33)]
    ops = [
        Op(RECURRENCE, [x, None, None], [y, *finals[:2]], {"recurrence": first}),
        Op(RECURRENCE, [y, *finals[:0], None, None], [z, *finals[2:]], {"recurrence": second}),
    ]
    model = Model([Subgraph("main", [x], [finals[1], z], ops)])
    lower(model)
    runner = Runner(write_model(model), "reference")
    for batch in (1, 5, 2):
        fed = rng.normal(size=(6, batch, 3)).astype(np.float32)
        middle, _, cell = first.run(fed)
        got = runner.run({"x": fed})
        np.testing.assert_allclose(got["f"], cell, atol=1e-5)
        np.testing.assert_allclose(got["z"], second.run(middle)[0], atol=1e-5)


def test_what_has_no_fused_op_is_refused_untouched() -> None:
    """Asked for fused ops alone, the error names the layer; the graph keeps its pseudo op."""
    cell = random_lstm(np.random.default_rng(0), 3, 4, activation="NONE")
    model = Case((cell,)).model()
    with pytest.raises(NotConvertible, match="layer0: its activation is linear"):
        lower(model, "fused")
    assert histogram(model) == {RECURRENCE: 1}
