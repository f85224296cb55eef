"""The parts of a cell are named by their place in the equations, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.field_names import Names, field_names
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from tests.cells.written import gate_of, gru, symbol

FULL = np.array([[1.0, 2.0], [0.5, 1.0]])
ONE = forms.constant(np.ones(2))


def named(*updates: Form) -> Names:
    """The names of the cell with these updates, each of width 2."""
    return field_names(updates)


@pytest.fixture
def lstm() -> tuple[Form, Form]:
    """The new output and the new cell state of an LSTM whose states are h and c."""
    h, c = symbol(before(0), 2), symbol(before(1), 2)
    i, f, o = (gate_of("LOGISTIC", h @ (k * FULL), bias=k) for k in (1.0, 2.0, 3.0))
    g = gate_of("TANH", h @ FULL)
    return o * forms.apply("TANH", symbol(after(1), 2)), f * c + i * g


def test_a_gru_with_its_update_gate_on_either_side() -> None:
    """z is the gate, h̃ the candidate, whichever of the old state and h̃ is multiplied by z."""
    h, z = symbol(before(0), 2), gate_of("LOGISTIC", symbol(before(0), 2) @ FULL)
    candidate = gate_of("TANH", symbol(before(0), 2) @ (3 * FULL))
    for update in (z * h + (ONE - z) * candidate, (ONE - z) * h + z * candidate):
        names = named(update)
        assert names.states == ("h",)
        assert sorted(names.functions.values()) == ["h̃", "z"]


def test_the_reset_gate_is_what_multiplies_the_state_inside_the_candidate() -> None:
    """Before the product and after it, it is r."""
    assert sorted(named(gru()).functions.values()) == ["h̃", "r", "z"]
    h = symbol(before(0), 2)
    z, r = (gate_of("LOGISTIC", h @ (k * FULL), bias=k) for k in (1.0, 2.0))
    candidate = gate_of("TANH", r * forms.apply("LINEAR", h @ FULL))
    after_product = named(z * h + (ONE - z) * candidate)
    assert sorted(after_product.functions.values()) == ["h̃", "r", "z"]
    assert after_product.functions[r.atom.key] == "r"  # type: ignore[union-attr]


def test_an_lstm_in_either_order_of_its_states(lstm: tuple[Form, Form]) -> None:
    """Which state is c is told by the update, not by its number."""
    h, c = lstm
    names = named(h, c)
    assert names.states == ("h", "c")
    assert sorted(names.functions.values()) == ["f", "g", "i", "o"]


def test_of_input_gate_and_candidate_the_logistic_one_is_the_gate(
    lstm: tuple[Form, Form],
) -> None:
    """i is the sigmoid of the two factors of what is added to the cell state."""
    functions = {
        factor.key: factor
        for update in lstm
        for atom, _ in update.terms.values()
        for factor in getattr(atom, "factors", ())
    }
    names = named(*lstm).functions
    called = {names[k]: getattr(f, "function", "") for k, f in functions.items() if k in names}
    assert called == {"i": "LOGISTIC", "f": "LOGISTIC", "g": "TANH", "o": "LOGISTIC"}


def test_a_hard_sigmoid_has_its_sixth() -> None:
    """relu6 over 6 is the gate; the candidate is no hard sigmoid and has no scale."""
    names = named(gru("RELU6", 1 / 6))
    assert set(names.scales) == {k for k, name in names.functions.items() if name in ("z", "r")}
    assert set(names.scales.values()) == {1 / 6}


@pytest.mark.parametrize("scale", [1 / 5, 1.0])
def test_a_hard_sigmoid_of_another_scale_is_no_gate(scale: float) -> None:
    """relu6 that is not divided by 6 goes beyond 1, so nothing is interpolated."""
    assert named(gru("RELU6", scale)) == Names(("h",))


def test_a_state_that_no_step_reads_is_y() -> None:
    """What is only put out is y; the state that recurs is h."""
    h = symbol(before(1), 2)
    z, candidate = gate_of("LOGISTIC", h @ FULL), gate_of("TANH", h @ (2 * FULL))
    update = z * h + (ONE - z) * candidate
    assert named(update, update).states == ("y", "h")


def test_a_mask_counts_the_columns_in_front_that_are_its_own() -> None:
    """Where the rest of the step reads the same columns, they are features and no mask."""
    mask = forms.apply("NOT_EQUAL", symbol(INPUT, 1), forms.constant(np.zeros(1)))
    h = symbol(before(0), 2)
    own = forms.of(Apply("SELECT_V2", (mask, forms.apply("TANH", h), h), 2))
    assert named(own).mask == 1
    assert "m" in named(own).functions.values()
    shared = forms.of(Apply("SELECT_V2", (mask, gate_of("TANH", h @ FULL), h), 2))
    assert named(shared).mask == 0
    assert "m" not in named(shared).functions.values()


def test_a_select_on_a_state_is_no_mask() -> None:
    """Only what the input alone decides is the mask of a step."""
    h = symbol(before(0), 2)
    positive = forms.apply("GREATER", symbol(before(0), 2), forms.constant(np.zeros(1)))
    update = forms.of(Apply("SELECT_V2", (positive, forms.apply("TANH", h), h), 2))
    assert named(update) == Names(("h",))


def test_what_has_no_name_is_numbered() -> None:
    """The states of a cell that is neither are h, s_1, s_2, and its functions have no names."""
    three = tuple(forms.apply("TANH", symbol(before(k), 2)) for k in range(3))
    assert named(*three) == Names(("h", "s_1", "s_2"))
