"""Symbols, functions and products: their columns and their keys."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import REDUCTIONS, Apply, Atom, Numbered, Product, Symbol

H = forms.symbol("h", 4)
ONE = forms.symbol("s", 1)
TANH = Apply("TANH", (H,), 4)
ATOMS: list[Atom] = [
    Symbol("h", 0, 4),
    TANH,
    Apply("MINIMUM", (H, ONE), 4),
    Product((Symbol("h", 0, 4), TANH)),
    Product((Symbol("s", 0, 1), Symbol("h", 0, 4))),
]


class Letter(Numbered):
    """A quantity of a kind of its own."""

    LETTER: ClassVar[str] = "q"


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(ATOMS), st.data())
def test_columns_of_columns(atom: Atom, data: st.DataObject) -> None:
    """Columns of columns are columns, of every kind of atom."""
    start = data.draw(st.integers(0, 3))
    stop = data.draw(st.integers(start + 1, 4))
    inner = data.draw(st.integers(0, stop - start - 1))
    last = data.draw(st.integers(inner + 1, stop - start))
    twice = atom.columns(start, stop).columns(inner, last)
    assert twice.key == atom.columns(start + inner, start + last).key
    assert twice.width == last - inner


@pytest.mark.parametrize("atom", ATOMS)
def test_all_columns_are_the_atom(atom: Atom) -> None:
    """Nothing is cut, so the key stays."""
    assert atom.columns(0, 4).key == atom.key


def test_what_has_one_column_goes_with_every_column() -> None:
    """An argument or a factor of width 1 is broadcast, so it is not cut."""
    assert [s.key for s in ATOMS[2].columns(2, 3).symbols()] == ["h[2:3]", "s[0:1]"]
    assert [s.key for s in ATOMS[4].columns(2, 3).symbols()] == ["s[0:1]", "h[2:3]"]


@pytest.mark.parametrize("function", sorted(REDUCTIONS))
def test_a_reduction_cannot_be_cut(function: str) -> None:
    """A column of it depends on all columns of its argument."""
    reduced = Apply(function, (H,), 4)
    assert reduced.reduces
    with pytest.raises(ValueError, match="no columns"):
        reduced.columns(0, 1)


def test_keys_tell_atoms_apart() -> None:
    """A function, its arguments, their order, its options and its width are all in the key."""
    different: list[Atom] = [
        *ATOMS,
        Symbol("h", 0, 3),
        Symbol("c", 0, 4),
        Apply("LOGISTIC", (H,), 4),
        Apply("LEAKY_RELU", (H,), 4, (("alpha", 0.1),)),
        Apply("LEAKY_RELU", (H,), 4, (("alpha", 0.2),)),
        Apply("MINIMUM", (ONE, H), 4),
        Apply("TANH", (H + forms.constant(np.ones(4)),), 4),
        Apply("MEAN", (H,), 1),
        Apply("MEAN", (H,), 4),
    ]
    assert len({atom.key for atom in different}) == len(different)
    assert Apply("TANH", (forms.symbol("h", 4),), 4).key == TANH.key


def test_a_name_with_a_number() -> None:
    """It is the letter and the number, and a copy keeps the number."""
    name = copy.deepcopy(Letter(12))
    assert (name, name.number, type(name)) == ("q12", 12, Letter)


def test_what_steps_share_is_walked_through_once() -> None:
    """A form that reads the step before twice, in each of 60 steps, still names its symbols."""
    value = forms.symbol("h", 4)
    for _ in range(60):
        value = forms.of(Apply("MAXIMUM", (value, value.scaled(np.array([-1.0]))), 4))
    assert [s.key for s in value.symbols()] == ["h[0:4]"]
