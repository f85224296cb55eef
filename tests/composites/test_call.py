"""What a converter of a composite is given."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.composites.call import CompositeCall, Refused
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Tensor
from tests.recognise.strategies import lstm

CELL = lstm(0, units=3, features=2)


def call(*operands: Tensor) -> CompositeCall:
    """A call of a function on these operands."""
    return CompositeCall("acme.LSTM", "layer", {}, operands, (), Builder("layer"))


def test_a_constant_operand() -> None:
    """In float64; one that is computed is refused by its number."""
    given = call(Tensor.constant("w", np.ones(2, np.float32)), Tensor("x", "FLOAT32", (2,)))
    assert given.constant(0).dtype == np.float64
    with pytest.raises(Refused, match="its operand 1 is computed"):
        given.constant(1)


@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("features", [2, OPEN])
def test_a_recurrence_is_added(time_major: bool, features: int) -> None:
    """Its outputs are laid out as x is, and states that are not given are zero."""
    x, first = Tensor("x", "FLOAT32", (5, 4, features)), Tensor("h", "FLOAT32", (4, 3))
    made, recurrence = call(x), Recurrence("layer", CELL, time_major=time_major)
    y, *finals = made.run(recurrence, x, [first])
    assert y.shape == (5, 4, 3)
    assert [t.shape for t in finals] == [(4 if time_major else 5, 3)] * 2
    (op,) = made.build.ops
    assert (op.code, op.inputs, op.outputs) == (RECURRENCE, [x, first, None], [y, *finals])
    assert made.recurrences == [recurrence]


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3), (5, 4, 2, 1)])
def test_another_input_is_refused(shape: tuple[int, ...]) -> None:
    """It is no sequence, or of other features than the cell's."""
    x = Tensor("x", "FLOAT32", shape)
    with pytest.raises(Refused, match="not a sequence of 2 features"):
        call(x).run(Recurrence("layer", CELL), x)


def test_more_states_than_the_cell_has_are_refused() -> None:
    """The op would have operands that nothing reads."""
    x, state = Tensor("x", "FLOAT32", (5, 4, 2)), Tensor("h", "FLOAT32", (4, 3))
    with pytest.raises(Refused, match="3 initial states for a cell of 2"):
        call(x).run(Recurrence("layer", CELL), x, [state] * 3)
