"""States are written at every call by ops that really run at every call."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.lower import lower
from tests.lower.cases import Case, Initial, histogram, random_lstm

CELL = random_lstm(np.random.default_rng(0), 3, 6)
PAIR = (CELL, random_lstm(np.random.default_rng(1), 3, 6))

#: The op that writes a state, by how the state is given.
WRITERS: dict[Initial, str] = {
    "none": "FILL",
    "zeros": "FILL",
    "row": "BROADCAST_TO",
    "batch": "BROADCAST_TO",
    "input": "BROADCAST_TO",
    "computed": "BROADCAST_TO",
}


def lowered(case: Case) -> Model:
    """The case's graph with fused ops."""
    model = case.model()
    lower(model)
    return model


@pytest.mark.parametrize("sized_late", [False, True])
@pytest.mark.parametrize("open_batch", [False, True])
@pytest.mark.parametrize("initial", list(WRITERS))
def test_initial_state_holds_at_every_call(
    initial: Initial, open_batch: bool, sized_late: bool
) -> None:
    """However a state is given, every call starts from it, at every batch size."""
    case = Case(
        PAIR,
        initial=(initial, "none", initial, initial),
        open_batch=open_batch,
        open_steps=False,
        sized_late=sized_late,
    )
    case.check(lowered(case))


@pytest.mark.parametrize(("initial", "writer"), list(WRITERS.items()))
def test_each_state_has_one_writer_of_its_own(initial: Initial, writer: str) -> None:
    """Four states are four variables, each produced by one op of the right kind."""
    model = lowered(Case(PAIR, initial=(initial,) * 4, open_batch=False))
    variables = [t for op in model.ops() for t in op.outputs if t.is_variable]
    assert len(set(variables)) == len(variables) == 4
    assert histogram(model)[writer] == 4


def test_open_batch_behind_a_late_size_has_memory_of_its_own() -> None:
    """There a SLICE writes each state: the planned memory would be that of batch 1."""
    model = lowered(Case((CELL,), sized_late=True))
    writers = [op.code for op in model.ops() if op.outputs[0].is_variable]
    assert writers == ["SLICE", "SLICE"]


def test_unused_final_states_cost_nothing() -> None:
    """Nothing is read from a state that nobody asks for."""
    y = histogram(lowered(Case((CELL,), outputs="y", open_batch=False)))
    cell = histogram(lowered(Case((CELL,), outputs="cell", open_batch=False)))
    assert y["STRIDED_SLICE"] == 0
    assert (cell["STRIDED_SLICE"], cell["CONCATENATION"]) == (2, 1)
