"""A loop as equations: its states, and what a symbol is a part of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.loop.loop import Kept, State
from tests.recognise.loops import M, X, loop
from tests.recognise.tensors import tensor

WHOLE = forms.symbol(Before(0), 5)
FIRST, SECOND = State(0, 0, 2, WHOLE.columns(0, 2)), State(0, 2, 5, WHOLE.columns(2, 5))
LOOP = loop(FIRST, SECOND)


def test_a_state_before_and_after_the_step() -> None:
    """Columns of its variable, under two names."""
    assert SECOND.before == Symbol(Before(0), 2, 5)
    assert SECOND.after == Symbol(After(0), 2, 5)


@pytest.mark.parametrize("side", [Before(0), After(0)])
def test_a_symbol_is_cut_where_one_state_ends(side: str) -> None:
    """Inside it only, before and after the step."""
    assert set(LOOP.cuts(Symbol(side, 0, 5))) == {2}
    assert set(LOOP.cuts(Symbol(side, 1, 4))) == {2}
    assert not set(LOOP.cuts(Symbol(side, 2, 5)))
    assert not set(LOOP.cuts(Symbol(Before(1), 0, 5)))


@pytest.mark.parametrize(
    ("symbol", "whole"),
    [
        (Symbol(X, 1, 2), Symbol(X, 0, 2)),
        (Symbol(M, 0, 1), Symbol(M, 0, 1)),
        (Symbol(Before(0), 3, 4), SECOND.before),
        (Symbol(After(0), 0, 1), FIRST.after),
        (Symbol(Before(7), 3, 4), Symbol(Before(7), 3, 4)),
    ],
)
def test_what_a_symbol_is_a_part_of(symbol: Symbol, whole: Symbol) -> None:
    """All features of a sequence, one number of a step without features, one state."""
    assert LOOP.whole(symbol) == whole


@pytest.mark.parametrize(("given", "width"), [((2, 4), 4), ((2,), 1), ((), 1)])
def test_what_a_variable_keeps_is_as_wide_as_its_rows(given: tuple[int, ...], width: int) -> None:
    """[B, n] has n columns, and [B] has one."""
    around = loop()
    around.op.inputs[:] = [tensor(*given)]
    assert around.whole(Symbol(Kept(0), 0, 1)) == Symbol(Kept(0), 0, width)


@pytest.mark.parametrize(("dtype", "is_mask"), [("BOOL", True), ("FLOAT32", False)])
def test_a_mask_is_a_sequence_of_truths(dtype: str, is_mask: bool) -> None:
    """By the dtype of what is read."""
    around = loop()
    around.readings[M] = replace(around.readings[M], tensor=Tensor("m", dtype, (5, 2)))
    assert around.is_mask(Symbol(M, 0, 1)) is is_mask
    assert not around.is_mask(Symbol(X, 0, 2))
    assert not around.is_mask(Symbol(Before(0), 0, 2))
