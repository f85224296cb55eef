"""The gated recurrent unit: its equations, its text, and that its loops are read as it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.functions import sigmoid
from rnnlite_pipeline.cells.gru import Gru
from tests.cells.on_ops import (
    RNG,
    SPELLINGS,
    Doubled,
    check_cell,
    check_equations,
    gate,
    read_as,
)
from tests.recognise.spelling import Spelling

BEFORE = Gru(gate(), gate(), gate())
AFTER = replace(BEFORE, reset_after=True, recurrent_bias=RNG.normal(size=4))
CELLS = {
    "reset before": BEFORE,
    "reset after": AFTER,
    "reset after, no bias": replace(AFTER, recurrent_bias=None),
    "relu": replace(BEFORE, activation="RELU"),
    "sigmoid": replace(AFTER, activation="SIGMOID"),
    "elu": replace(AFTER, activation="ELU"),
    "one unit": Gru(gate(3, 1), gate(3, 1), gate(3, 1), "TANH", True, np.ones(1)),
}


def by_hand(cell: Gru, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """A step of a GRU with tanh, as in the paper and in Keras."""
    gates = (cell.update, cell.reset)
    z, r = (sigmoid(x @ g.kernel.T + h @ g.recurrent.T + g.bias) for g in gates)
    kernel, recurrent = cell.candidate.kernel.T, cell.candidate.recurrent.T
    inner = (r * h) @ recurrent
    if cell.reset_after:
        bias = 0.0 if cell.recurrent_bias is None else cell.recurrent_bias
        inner = r * (h @ recurrent + bias)
    return np.asarray(z * h + (1 - z) * np.tanh(x @ kernel + inner + cell.candidate.bias))


@pytest.mark.parametrize("cell", [BEFORE, AFTER, CELLS["reset after, no bias"]])
def test_the_step_is_the_equations_of_the_paper(cell: Gru) -> None:
    """Update gate, reset gate before or after the product, candidate, new state."""
    x, h = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4))
    np.testing.assert_allclose(cell.step(x, [h])[0], by_hand(cell, x, h), atol=1e-12)
    check_equations(cell)


def test_text() -> None:
    """Gates and candidate have the names of the field."""
    assert BEFORE.text() == [
        "z = σ(W_z x + R_z h + b_z)",
        "r = σ(W_r x + R_r h + b_r)",
        "h̃ = tanh(W_h x + R_h (r ⊙ h) + b_h)",
        "h′ = z ⊙ h + (1 − z) ⊙ h̃",
    ]
    assert AFTER.text()[2] == "h̃ = tanh(W_h x + r ⊙ (R_h h + b_Rh) + b_h)"


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_its_loops_are_read(cell: Gru, spelling: Spelling) -> None:
    """Its loop is read as it, with its weights, and becomes ops that compute what it computes."""
    check_cell(cell, spelling)


class Turned(Gru):
    """Its update gate taken the other way: h' = (1 - z) * h + z * h~."""

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """As PyTorch's GRU with its gate turned."""
        (h,) = states
        z = m.activation("SIGMOID", self.update.over(m, "z", x, h))
        r = m.activation("SIGMOID", self.reset.over(m, "r", x, h))
        n = m.activation(self.activation, self._candidate(m, x, h, r))
        return ((m.one - z) * h + z * n,)


class Unreset(Gru):
    """Its candidate reads h itself: the reset gate is never used."""

    def _candidate(self, m: Algebra[V], x: V, h: V, _r: V) -> V:
        return self.candidate.over(m, "h", x, h)


class Ungated(Gru):
    """Its reset gate is a tanh."""

    def over(self, m: Algebra[V], x: V, *states: V) -> tuple[V, ...]:
        """The second gate is no sigmoid."""
        (h,) = states
        z = m.activation("SIGMOID", self.update.over(m, "z", x, h))
        r = m.activation("TANH", self.reset.over(m, "r", x, h))
        n = m.activation(self.activation, self._candidate(m, x, h, r))
        return (z * h + (m.one - z) * n,)


class LooksBack(Gru):
    """Its candidate reads h past the reset gate too."""

    def _candidate(self, m: Algebra[V], x: V, h: V, r: V) -> V:
        extra: V = super()._candidate(m, x, h, r) + m.times(h, self.update.recurrent, "R")
        return extra


def weights(cell: Gru) -> tuple[object, ...]:
    """What a subclass with another step is made of."""
    return cell.update, cell.reset, cell.candidate


def test_a_gate_taken_the_other_way_is_read() -> None:
    """A state that is kept where the gate is 0 has a GRU's update gate with turned weights."""
    assert read_as(Turned(*weights(BEFORE)))[0] == "GRU"  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Unreset, Ungated, LooksBack])
def test_what_only_looks_like_a_gru_is_none(kind: type[Gru]) -> None:
    """A candidate without a reset gate, a gate that is none, a state read past it: no GRU."""
    name, reason = read_as(kind(*weights(BEFORE)))  # type: ignore[arg-type]
    assert name == "RNN variant"
    assert reason.startswith("its step is h' = ")


def test_no_fused_op() -> None:
    """The reason says that no runtime's op computes it."""
    assert read_as(AFTER) == ("GRU", "the runtime has no fused GRU op")
    for kernel in ("fused", "integer"):
        assert AFTER.why_not(kernel) == "the runtime has no fused GRU op"


def test_a_state_that_is_scaled_is_another_cell() -> None:
    """Where the new state is half of what the equations give, the cell keeps no name."""
    assert read_as(BEFORE, Doubled)[0] == "RNN variant"
