"""A masked system is the cell in it, and the mask that says when it changes."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.loop.masks import Masked, emitted, unmasked
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Item
from tests.recognise.loops import M, X, state

H, C = (forms.symbol(Before(k), 2) for k in range(2))
NEW_C = forms.symbol(After(1), 2)
INPUT = forms.symbol(X, 2)
MASK = forms.symbol(M, 1)
ZERO = forms.constant(np.zeros(2))
ONE = forms.constant(np.ones(1))
TANH, SIGMOID = forms.apply("TANH", INPUT + H), forms.apply("LOGISTIC", INPUT + C)


def chosen(yes: Form, no: Form, mask: Form = MASK) -> Form:
    """select(mask, yes, no)."""
    return forms.apply("SELECT_V2", mask, yes, no)


def masked(*equations: Form) -> Masked | None:
    """The system of these equations without its mask."""
    return unmasked(System(tuple(state(k, e) for k, e in enumerate(equations))))


@pytest.mark.parametrize("when", [True, False])
def test_a_select_of_the_old_state_is_a_mask(when: bool) -> None:
    """Where it holds, or where it does not."""
    found = masked(chosen(TANH, H) if when else chosen(H, TANH))
    assert found is not None
    assert found.changes_when is when
    assert found.mask.key == MASK.key
    assert found.system.states[0].equation.key == TANH.key


@pytest.mark.parametrize("when", [True, False])
def test_a_blend_with_the_old_state_is_a_mask(when: bool) -> None:
    """m*new + (1 - m)*old, or the padding in place of m."""
    new, old = (TANH, H) if when else (H, TANH)
    found = masked(MASK * new + (ONE - MASK) * old)
    assert found is not None
    assert found.changes_when is when
    assert found.mask.key == MASK.key
    assert found.system.states[0].equation.key == TANH.key


def test_the_new_state_that_another_reads_is_named() -> None:
    """Without the mask h' = tanh(c') reads the new c, and not what c' is made of."""
    found = masked(chosen(forms.apply("TANH", SIGMOID), H), chosen(SIGMOID, C))
    assert found is not None
    assert found.system.states[0].equation.key == forms.apply("TANH", NEW_C).key
    assert found.system.states[1].equation.key == SIGMOID.key


@pytest.mark.parametrize(
    "equations",
    [
        [TANH],
        [chosen(TANH, C)],
        [chosen(TANH, INPUT)],
        [chosen(TANH, H), SIGMOID],
        [chosen(TANH, H), chosen(C, SIGMOID)],
        [chosen(TANH, H), chosen(SIGMOID, C, forms.symbol(Item(5), 1))],
        [INPUT * TANH + (forms.widened(ONE, 2) - INPUT) * H],
        [MASK * MASK * TANH],
    ],
)
def test_what_is_not_masked_as_a_whole(equations: list[Form]) -> None:
    """No mask, another state kept, one state unmasked, two masks, a gate of every column."""
    assert masked(*equations) is None


def test_what_is_put_out_under_the_mask() -> None:
    """Where states change, if it is zero elsewhere."""
    for when in (True, False):
        found = masked(chosen(TANH, H) if when else chosen(H, TANH))
        assert found is not None
        out = emitted(chosen(TANH, ZERO) if when else chosen(ZERO, TANH), found)
        assert out is not None
        assert out.key == TANH.key
        for other in (
            chosen(ZERO, TANH) if when else chosen(TANH, ZERO),
            chosen(TANH, ZERO, forms.symbol(Item(5), 1)),
            chosen(TANH, forms.constant(np.ones(2))),
            TANH,
        ):
            assert emitted(other, found) is None
