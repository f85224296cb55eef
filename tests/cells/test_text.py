"""Equations as text: what is written is what the cell computes."""

from __future__ import annotations

import re

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.symbols import after, before
from rnnlite_pipeline.cells.text import MOST_LINES
from tests.cells.written import gate_of, gru, symbol

FULL = np.array([[1.0, 2.0], [0.5, 1.0]])


def test_a_cell_without_a_name() -> None:
    """Each function gets a line before it is used, once; a slice and a scalar factor show."""
    z = forms.of(
        Apply("LOGISTIC", (symbol("x", 4, 2) + symbol(before(0), 2).scaled(np.full(2, 2.0)),), 2)
    )
    update = z * symbol(before(0), 2) - z
    cell = Equations("cell", 4, (2, 2), (update, symbol(after(0), 2)), (0, 1))
    lines = cell.text()
    assert lines[0] in {"a_1 = σ(x[0:2] + 2 h)", "a_1 = σ(2 h + x[0:2])"}
    assert set(lines[1].removeprefix("h′ = ").replace("− ", "+ -").split(" + ")) in (
        {"a_1 ⊙ h", "-a_1"},
        {"h ⊙ a_1", "-a_1"},
    )
    assert lines[2:] == ["s_1′ = h′"]


def test_matrices_are_numbered() -> None:
    """Each matrix and each bias vector is one of its own."""
    total = symbol("x", 2) @ FULL
    biased = forms.form(total.terms.values(), np.array([1.0, 2.0]))
    cell = Equations("cell", 2, (2,), (biased,), (0,))
    assert cell.text() == ["h′ = W_1 x + b_1"]


def test_a_product_under_a_matrix_is_in_brackets() -> None:
    """`W (a ⊙ h)` is not `(W a) ⊙ h`; matrices are numbered in the order they are read."""
    gated = symbol(before(0), 2) * forms.of(Apply("TANH", (symbol("x", 2) @ FULL,), 2))
    update = symbol("x", 2) @ FULL + gated @ FULL
    lines = Equations("cell", 2, (2,), (update,), (0,)).text()
    assert lines[0] == "a_1 = tanh(W_1 x)"
    assert re.fullmatch(r"h′ = W_2 x \+ W_3 \((a_1 ⊙ h|h ⊙ a_1)\)", lines[1])


def test_a_masked_step() -> None:
    """A comparison stands between its sides; a state that is one function's value is that line."""
    real = forms.of(Apply("NOT_EQUAL", (symbol("x", 1), forms.constant(np.zeros(1))), 1))
    update = forms.of(Apply("SELECT_V2", (real, symbol("x", 1), symbol(before(0), 1)), 1))
    cell = Equations("cell", 1, (1, 1), (update, update), (0, 1))
    assert cell.text() == ["a_1 = x ≠ 0", "h′ = select(a_1, x, h)", "s_1′ = h′"]


def test_a_long_list_is_cut() -> None:
    """What nobody would read is counted."""
    value = symbol(before(0), 1)
    for _ in range(MOST_LINES + 4):
        value = forms.of(Apply("TANH", (value,), 1))
    lines = Equations("cell", 1, (1,), (value,), (0,)).text()
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "… and 4 more"


def test_a_gru_has_the_names_of_its_gates() -> None:
    """Update gate, reset gate, candidate, state, and their weights: as the field writes them."""
    assert Equations("GRU", 3, (2,), (gru(),), (0,)).text() == [
        "z = σ(W_z x + R_z h + b_z)",
        "r = σ(W_r x + R_r h + b_r)",
        "h̃ = tanh(W_h x + R_h (r ⊙ h))",
        "h′ = z ⊙ h + (1 − z) ⊙ h̃",
    ]


def test_the_sixth_of_a_hard_sigmoid_belongs_to_its_gate() -> None:
    """A GRU with hard sigmoids reads as any other; the scale stands once, where the gate is."""
    lines = Equations("GRU", 3, (2,), (gru("RELU6", 1 / 6),), (0,)).text()
    assert lines[0] == "z = relu6(W_z x + R_z h + b_z) / 6"
    assert lines[-1] == "h′ = z ⊙ h + (1 − z) ⊙ h̃"


def test_a_lstm_without_a_fused_op_has_the_names_of_its_gates() -> None:
    """Known by its equations alone, in whatever order its states are, it is i, f, g, o, c, h."""
    h, c, matrix = symbol(before(0), 2), symbol(before(1), 2), np.array([[1.0, 2.0], [0.5, 1.0]])
    i, f, o = (gate_of("LOGISTIC", h @ (k * matrix), bias=k) for k in (1.0, 2.0, 3.0))
    g = gate_of("TANH", h @ matrix)
    new = f * c + i * g
    squashed = forms.of(Apply("SOFTSIGN", (symbol(after(1), 2),), 2))
    lines = Equations("cell", 3, (2, 2), (o * squashed, new), (1, 0)).text()
    names = [line.partition(" =")[0] for line in lines]
    assert sorted(names[:3]) == ["f", "g", "i"]
    assert names[3:] == ["c′", "o", "h′"]
    assert "i = σ(W_i x + R_i h + b_i)" in lines
    assert lines[-1] == "h′ = o ⊙ softsign(c′)"


def test_a_mask_is_no_feature() -> None:
    """Its column is not counted, and what is put out but never read is y."""
    mask = forms.of(Apply("NOT_EQUAL", (symbol("x", 1), forms.constant(np.zeros(1))), 1))

    def moved(form: Form) -> Form:
        return substituted(
            form,
            lambda s: forms.of(
                Symbol("x", s.start + 1, s.stop + 1) if s.name == "x" else Symbol(before(1), 0, 2)
            ),
        )

    h, new = symbol(before(1), 2), moved(gru())
    zeros = forms.constant(np.zeros(2))
    updates = tuple(forms.of(Apply("SELECT_V2", (mask, new, old), 2)) for old in (zeros, h))
    cell = Equations("masked GRU", 4, (2, 2), updates, (0, 1))
    assert cell.own_features == 3
    assert cell.text()[-2:] == [
        "y′ = select(m, z ⊙ h + (1 − z) ⊙ h̃, 0)",
        "h′ = select(m, z ⊙ h + (1 − z) ⊙ h̃, h)",
    ]


def test_what_only_looks_like_a_gru_is_numbered() -> None:
    """Where the state's factor and the candidate's do not add up to one, no gate is named."""
    h, z = symbol(before(0), 2), gate_of("LOGISTIC", symbol(before(0), 2) @ FULL)
    other = gate_of("TANH")
    for update in (z * h + other - z * z * other, z * h + other + z * other):
        lines = Equations("cell", 3, (2,), (update,), (0,)).text()
        assert not any(line.startswith(("z =", "h̃ =")) for line in lines)
