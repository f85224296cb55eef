"""Affine maps of a gate: a form split into one weight for each operand."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.recognise.cells.gates import Affine, Inputs, affine, clipped
from rnnlite_pipeline.recognise.loop.loop import Kept, State, Unrecognised
from rnnlite_pipeline.recognise.loop.systems import System
from tests.recognise.loops import X, loop, of, state
from tests.recognise.tensors import tensor

H = forms.symbol(Before(0), 3)
FEATURES = forms.symbol(X, 2)
A, B = np.arange(6.0).reshape(2, 3) + 1, np.arange(9.0).reshape(3, 3) - 4


def inputs(*states: State) -> Inputs:
    """What a system of these states reads from outside; nothing yet."""
    return Inputs(*of(*states))


def split(form: forms.Form, into: Inputs) -> Affine:
    """The form as an affine map."""
    return affine(form, into, "gate")


def test_a_form_is_split_by_what_it_reads() -> None:
    """A x + B h + b: kernels are [out, in]."""
    own = inputs(state(0, H))
    z = split(FEATURES @ A + H @ B + forms.constant(np.ones(3)), own)
    np.testing.assert_array_equal(z.kernel(2), A.T)
    np.testing.assert_array_equal(z.on(Symbol(Before(0), 0, 3)), B.T)
    np.testing.assert_array_equal(z.bias, np.ones(3))
    assert own.features == 2
    assert z.reads_only(Symbol(Before(0), 0, 3))
    assert not z.reads_only()


def test_columns_of_an_input_are_placed_in_the_whole_input() -> None:
    """The second feature alone has its weights in the second column of all features."""
    own = inputs(state(0, H))
    z = split(FEATURES.columns(1, 2) @ np.ones((1, 3)), own)
    np.testing.assert_array_equal(z.kernel(own.features), [[0, 1]] * 3)


def test_columns_of_a_state_are_placed_in_the_whole_state() -> None:
    """Groups of units, each a product of its own, are one block matrix."""
    own = inputs(state(0, H))
    z = split(H.columns(0, 1) @ np.full((1, 3), 5.0) + H.columns(1, 3) @ A, own)
    assert z.reads_only(Symbol(Before(0), 0, 3))
    np.testing.assert_array_equal(z.on(Symbol(Before(0), 0, 3))[:, 0], [5, 5, 5])
    np.testing.assert_array_equal(z.on(Symbol(Before(0), 0, 3))[:, 1:], A.T)


def test_inputs_stand_side_by_side_in_the_order_they_are_met() -> None:
    """Another system's state is an input; an input that is read again keeps its columns."""
    own = Inputs(loop(state(0, H), state(1, forms.symbol(Before(1), 2))), System((state(0, H),)))
    other = forms.symbol(After(1), 2)
    split(FEATURES @ A, own)
    z = split(other @ A + FEATURES @ A, own)
    assert own.features == 4
    np.testing.assert_array_equal(z.kernel(4), np.concatenate([A.T, A.T], 1))


def test_what_is_computed_from_inputs_is_an_input() -> None:
    """tanh(x) has columns of its own."""
    own = inputs(state(0, H))
    z = split(forms.apply("TANH", FEATURES) @ A + FEATURES @ A, own)
    assert own.features == 4
    np.testing.assert_array_equal(z.kernel(4), np.concatenate([A.T, A.T], 1))


def test_a_symbol_over_two_states_is_cut() -> None:
    """One variable that holds two states is two operands; one without a weight is left out."""
    c, h = State(0, 0, 1, H.columns(0, 1)), State(0, 1, 3, H.columns(1, 3))
    own = inputs(c, h)
    z = split(H @ np.array([[0.0], [1.0], [2.0]]), own)
    assert set(z.states) == {h.before.key}
    np.testing.assert_array_equal(z.on(h.before), [[1, 2]])
    np.testing.assert_array_equal(z.on(c.before), [[0]])


def test_a_function_of_the_state_is_refused() -> None:
    """It is no affine map."""
    with pytest.raises(Unrecognised, match="its gate reads a nonlinear function of the state"):
        split(forms.apply("TANH", H), inputs(state(0, H)))


def test_an_input_of_unknown_width_is_refused() -> None:
    """The features are counted before the model runs."""
    own = inputs(state(0, H))
    own.loop.op.inputs[:] = [None, tensor(2, -1)]
    with pytest.raises(Unrecognised, match="run time"):
        split(forms.of(Symbol(Kept(1), 0, 3)), own)


def test_a_diagonal() -> None:
    """A peephole: None where the state is not read, refused where it is a full matrix."""
    own, symbol = inputs(state(0, H)), Symbol(Before(0), 0, 3)
    z = split(H.scaled(np.array([1.0, 0.0, 3.0])), own)
    diagonal = z.diagonal_on(symbol, "gate")
    assert diagonal is not None
    assert diagonal.tolist() == [1, 0, 3]
    assert split(FEATURES @ A, own).diagonal_on(symbol, "gate") is None
    for form in (H @ B, H @ np.ones((3, 2))):
        with pytest.raises(Unrecognised, match="full matrix"):
            split(form, own).diagonal_on(symbol, "gate")


def clip(low: float, high: float, *, maximum_first: bool = False) -> forms.Form:
    """h within [low, high]."""
    steps = [("MINIMUM", high), ("MAXIMUM", low)]
    value = H
    for code, limit in reversed(steps) if maximum_first else steps:
        value = forms.apply(code, value, forms.constant(np.array([limit])))
    return value


@pytest.mark.parametrize("maximum_first", [False, True])
def test_a_clip_is_taken_off(maximum_first: bool) -> None:
    """In either order of minimum and maximum; -1 to 1 has an op of its own."""
    inner, bound = clipped(clip(-0.5, 0.5, maximum_first=maximum_first))
    assert (inner.key, bound) == (H.key, 0.5)
    assert clipped(H) == (H, 0.0)
    inner, bound = clipped(forms.apply("RELU_N1_TO_1", H))
    assert (inner.key, bound) == (H.key, 1.0)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.5, -0.5), (1.0, -1.0)])
def test_a_clip_that_is_not_symmetric_is_refused(low: float, high: float) -> None:
    """The fused op has one bound for both sides."""
    with pytest.raises(Unrecognised, match="not symmetric"):
        clipped(clip(low, high))


def test_half_a_clip_and_another_bound_for_each_column() -> None:
    """One side alone is refused; bounds that differ by column are no clip."""
    with pytest.raises(Unrecognised, match="not symmetric"):
        clipped(forms.apply("MINIMUM", H, forms.constant(np.array([2.0]))))
    each = forms.apply("MINIMUM", H, forms.constant(np.array([1.0, 2.0, 3.0])))
    assert clipped(each) == (each, 0.0)
