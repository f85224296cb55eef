"""States that the calibration data does not have: a call goes on where the one before ended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.variables import State, add
from rnnlite_pipeline.quantize.own_states import OwnStates
from tests.quantize.single import Shape, graph


def _model(shape: Shape | None, dtype: str, initial: Any) -> tuple[Model, State]:
    """A state that one op hands on."""
    before, after = (Tensor(name, dtype, shape) for name in ("before", "after"))
    model = graph([], [], [make_op("ADD", [before, before], [after])])
    state = State("sum", np.asarray(initial))
    add(model, state, before, after)
    return model, state


@pytest.mark.parametrize(
    ("shape", "initial", "first"),
    [
        ((-1, 2), [[1.0, 2.0]], [[1, 2]]),
        ((1, 2), [[1.0, 2.0]], [[1, 2]]),
        ((3, 2), [[1.0, 2.0]], [[1, 2]] * 3),
        (None, [[1.0, 2.0]], [[1, 2]]),
        ((), 3.0, 3),
    ],
)
def test_the_first_call_starts_from_the_first_values(
    shape: Shape | None, initial: Any, first: Any
) -> None:
    """One row where the batch is open, the rows of a closed one; of rank 0 the number itself."""
    model, state = _model(shape, "FLOAT32", initial)
    (value,) = OwnStates(model, [state]).before().values()
    assert value.dtype == np.float32
    assert value.tolist() == first


@pytest.mark.parametrize(("dtype", "numpy"), [("INT32", "int32"), ("BOOL", "bool")])
def test_a_state_keeps_its_type(dtype: str, numpy: str) -> None:
    """A counter is of whole numbers, as its input takes them."""
    model, state = _model((1, 1), dtype, [[1]])
    own = OwnStates(model, [state])
    assert own.before()["sum_in"].dtype == numpy
    assert [t.dtype for t in own.ends] == [dtype]


def test_a_call_starts_from_what_the_one_before_ended_with() -> None:
    """`before` gives a copy of what `after` took, until the next call."""
    model, state = _model((1, 2), "FLOAT32", [[0.0, 0.0]])
    own = OwnStates(model, [state])
    (end,) = own.ends
    ended = np.ones((1, 2), np.float32)
    own.after({end: ended, Tensor("other", "FLOAT32", (1,)): ended * 5})
    own.before()["sum_in"] = ended * 7
    assert own.before()["sum_in"] is ended


def test_without_states_nothing_is_fed() -> None:
    """A model whose data has all of its inputs."""
    model, _ = _model((1, 2), "FLOAT32", [[0.0, 0.0]])
    own = OwnStates(model, [])
    own.after({})
    assert (own.before(), own.ends) == ({}, [])
