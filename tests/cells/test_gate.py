"""The affine map of a gate, by hand and over text."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from rnnlite_pipeline.algebra.patterns import Unknown
from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.text import Names, Text

KERNEL, RECURRENT = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[3.0], [5.0]])
BIAS, PEEPHOLE = np.array([10.0, 20.0]), np.array([100.0, 200.0])
X, H, C = np.array([[1.0, 1.0]]), np.array([[2.0]]), np.array([[1.0, -1.0]])


def test_kernel_recurrent_kernel_and_bias() -> None:
    """x [B, F], h [B, O] to [B, U]; without a peephole c is not looked at."""
    assert Gate(KERNEL, RECURRENT, BIAS)(X, H, C).tolist() == [[19.0, 29.0]]


def test_a_peephole_multiplies_the_cell_state_unit_by_unit() -> None:
    """It is a diagonal, not a matrix."""
    assert Gate(KERNEL, RECURRENT, BIAS, PEEPHOLE)(X, H, C).tolist() == [[119.0, -171.0]]


def test_the_bias_is_added_after_the_layer_norm() -> None:
    """Of two units, the larger sum is normalized to 1 and the other to -1 (lstm_eval.cc)."""
    gate = Gate(KERNEL, RECURRENT, BIAS, layer_norm=np.array([2.0, 3.0]))
    np.testing.assert_allclose(gate(X, 0 * H, C), [[12.0, 17.0]])


def test_its_weights_are_named_after_the_gate() -> None:
    """Every weight has the letter of the field and the gate as its index."""
    gate = Gate(KERNEL, RECURRENT, BIAS, PEEPHOLE, np.ones(2))
    written = gate.over(Names(), "i", Text("x"), Text("h"), Text("c")).written
    assert written == "l_i ⊙ norm(W_i x + R_i h + p_i ⊙ c) + b_i"
    without_c = gate.over(Names(), "i", Text("x"), Text("h")).written
    assert without_c == "l_i ⊙ norm(W_i x + R_i h) + b_i"


def test_the_unknown_gate_has_what_is_asked_for() -> None:
    """Peephole and layer norm are looked for only where a cell can have them."""
    plain, full = Gate.unknown(), Gate.unknown(peephole=True, layer_norm=True)
    assert plain.peephole is None
    assert plain.layer_norm is None
    assert all(isinstance(getattr(full, part.name), Unknown) for part in fields(full))
