"""Masked cells: where the mask says so, the states stay as they are.

    c' = select(m, new c, c)        h' = select(m, new h, h)

or, where the mask is a number that a step reads, 0 or 1 (or the padding, 1 or 0):

    c' = m * new c + (1 - m) * c    h' = m * new h + (1 - m) * h

Without the mask such a system is a cell like any other; what its new states are then is told by
the same equations, so a masked cell has the name of the cell in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, of
from rnnlite_pipeline.recognise.loop.loop import State
from rnnlite_pipeline.recognise.loop.state_updates import StateUpdates
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Item

#: Why a masked cell is no fused op.
MASKED = "a mask decides in each step whether its state changes, which no fused op does"


@dataclass(frozen=True, eq=False)
class Masked:
    """A system and its mask.

    Attributes:
        system: The states with the equations they have where the mask lets them change.
        mask: The condition, true or false where they change.
        changes_when: Which of the two.
        updates: The values the states have where the mask lets them change.
    """

    system: System
    mask: Form
    changes_when: bool
    updates: StateUpdates


def unmasked(system: System) -> Masked | None:
    """The system without its mask; None where not every state is selected by one mask."""
    parted = [_parted(state) or _blended(state) for state in system.states]
    if any(p is None for p in parted):
        return None
    selects = [p for p in parted if p is not None]
    mask, _, when = selects[0]
    if any(m.key != mask.key or w != when for m, _, w in selects):
        return None
    values = [(state, new) for state, (_, new, _) in zip(system.states, selects, strict=True)]
    updates = StateUpdates.of(values)
    return Masked(System(tuple(updates.equations(values))), mask, when, updates)


def _parted(state: State) -> tuple[Form, Form, bool] | None:
    """(mask, the new value, the truth value it is taken for) of select(mask, new, old)."""
    atom = state.equation.atom
    if not isinstance(atom, Apply) or atom.function != "SELECT_V2":
        return None
    mask, yes, no = atom.arguments
    for new, old, when in ((yes, no, True), (no, yes, False)):
        kept = old.atom
        if isinstance(kept, Symbol) and kept.key == state.before.key:
            return mask, new, when
    return None


def _blended(state: State) -> tuple[Form, Form, bool] | None:
    """The same parts of old + m * (new - old), or of new + p * (old - new)."""
    old = of(state.before)
    for number in _numbers(state.equation):
        apart = _divided(state.equation, number)
        if apart is None:
            continue
        rest, factor = apart
        if rest.key == old.key:
            return of(number), rest + factor, True
        if (rest + factor).key == old.key:
            return of(number), rest, False
    return None


def _numbers(form: Form) -> list[Symbol]:
    """The steps of sequences of one feature that the form is multiplied by."""
    atoms = [atom for atom, _ in form.terms.values() if isinstance(atom, Product)]
    read = {f.key: f for atom in atoms for f in atom.factors if isinstance(f, Symbol)}
    return [s for s in read.values() if isinstance(s.name, Item) and s.width == 1]


def _divided(form: Form, number: Symbol) -> tuple[Form, Form] | None:
    """(a, b) of a form that is a + number * b; None where it is not linear in the number."""
    rest = forms.constant(form.bias)
    factor = forms.constant(np.zeros(form.width))
    for atom, linear in form.terms.values():
        factors = list(atom.factors) if isinstance(atom, Product) else [atom]
        left = [f for f in factors if f.key != number.key]
        if len(left) == len(factors):
            rest = rest + forms.form([(atom, linear)], np.zeros(form.width))
        elif len(left) == len(factors) - 1 and linear.diagonal:
            one = _product(left) if left else forms.constant(np.ones(1))
            factor = factor + one.scaled(linear.values)
        else:
            return None
    return rest, factor


def _product(factors: Sequence[Factor]) -> Form:
    """The product of some factors; a form that was wrapped to be one is itself again."""
    first, *others = factors
    if others:
        return of(Product((first, *others)))
    wrapped = isinstance(first, Apply) and first.function == "LINEAR"
    return first.arguments[0] if isinstance(first, Apply) and wrapped else of(first)


def emitted(form: Form, masked: Masked) -> Form | None:
    """What a form puts out where the mask lets states change, if it is zero elsewhere."""
    atom = form.atom
    if not isinstance(atom, Apply) or atom.function != "SELECT_V2":
        return None
    mask, yes, no = atom.arguments
    new, other = (yes, no) if masked.changes_when else (no, yes)
    if mask.key != masked.mask.key or not other.is_constant or other.bias.any():
        return None
    return new
