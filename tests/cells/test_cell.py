"""What a cell says of itself where its file says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Array, Cell, Equations
from tests.lower.loop_cases import gru, hard_lstm


@dataclass(frozen=True)
class Plain(Cell):
    """A cell that keeps its states, and says no more than it must."""

    reason: str = ""
    kind: str = "plain"
    features: int = 3
    states: tuple[int, ...] = (2, 1, 1)

    def step(self, _x: Array, states: Sequence[Array]) -> tuple[Array, ...]:
        """The states as they were."""
        return tuple(states)

    def equations(self) -> Equations:
        """None are written here."""
        raise NotImplementedError

    def text(self) -> list[str]:
        """No line."""
        return []


def test_a_step_its_equations_and_its_text_are_asked_of_every_cell() -> None:
    """A class that leaves one of them out makes no cell."""
    missing: Any = type("Missing", (Cell,), {})
    with pytest.raises(TypeError, match=r"equations.*step.*text"):
        missing()


def test_states_are_called_h_and_then_numbered() -> None:
    """The first state is what the cell puts out; the others have no name of the field."""
    assert Plain().state_names == ("h", "state_1", "state_2")


def test_without_a_fused_op_no_kernel_computes_it() -> None:
    """Both kernels have the same reason: the cell's own, or else that there is no op."""
    for kernel in ("fused", "integer"):
        assert Plain().why_not(kernel) == "the runtime has no fused op for a plain cell"
        assert Plain("its clip differs").why_not(kernel) == "its clip differs"


def test_the_fused_op_cannot_be_asked_for() -> None:
    """Operands and options of an op that there is not are an error with the cell's reason."""
    cell = Plain("its clip differs")

    def weigh(_name: str, weight: Array | None) -> Array | None:
        return weight

    asked: list[Any] = [
        lambda: cell.operands(weigh, None, []),
        lambda: cell.paired_operands(weigh, None, [], cell),
        lambda: cell.options(True),
    ]
    for each in asked:
        with pytest.raises(NotImplementedError, match="its clip differs"):
            each()


def test_every_feature_is_its_own_and_there_are_no_more_facts() -> None:
    """Only a cell that reads its mask has fewer features of its own."""
    assert Plain().own_features == 3
    assert dict(Plain().facts()) == {}
    assert Plain().paired_version(True) == 1


def test_cells_of_the_same_equations_pair() -> None:
    """Two GRUs of one size run in one loop, two of different sizes or a GRU and an LSTM do not."""
    rng = np.random.default_rng(0)
    one, two = gru(rng, 3, 5), gru(rng, 3, 5)
    assert one.pairs_with(two)
    assert not one.pairs_with(gru(rng, 3, 6))
    assert not one.pairs_with(hard_lstm(rng, 3, 5))
