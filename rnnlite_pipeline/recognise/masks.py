"""Masked cells: where the mask says so, the states stay as they are.

    c' = select(m, new c, c)        h' = select(m, new h, h)

Without the mask such a system is a cell like any other; what its new states are then is told by
the same equations, so a masked cell has the name of the cell in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rnnlite_pipeline.recognise import algebra
from rnnlite_pipeline.recognise.algebra import Apply, Atom, Form, Map, Product, Symbol
from rnnlite_pipeline.recognise.loop import State
from rnnlite_pipeline.recognise.systems import System


@dataclass(frozen=True, eq=False)
class Masked:
    """A system and its mask.

    Attributes:
        system: The states with the equations they have where the mask lets them change.
        mask: The condition, true or false where they change.
        changes_when: Which of the two.
        news: By the key of each new value, the symbol of the state that takes it.
        forms: By the same key, the new value.
    """

    system: System
    mask: Form
    changes_when: bool
    news: dict[str, Symbol]
    forms: dict[str, Form]

    def referring(self, form: Form) -> Form:
        """The form with the symbol of a new state where that state's new value stands in it."""
        return _referring(form, self.news, self.forms)


def unmasked(system: System) -> Masked | None:
    """The system without its mask; None where not every state is selected by one mask."""
    parted = [_parted(state) for state in system.states]
    if any(p is None for p in parted):
        return None
    selects = [p for p in parted if p is not None]
    mask, _, when = selects[0]
    if any(m.key != mask.key or w != when for m, _, w in selects):
        return None
    news: dict[str, Symbol] = {}
    forms = {new.key: new for _, new, _ in selects}
    read = {s.key for _, new, _ in selects for s in new.symbols()}
    carriers = sorted(
        zip(system.states, selects, strict=True), key=lambda pair: pair[0].before.key not in read
    )
    for state, (_, new, _) in carriers:
        news.setdefault(new.key, state.after)
    states = [
        replace(state, equation=_referring(new, _others(news, state), forms))
        for state, (_, new, _) in zip(system.states, selects, strict=True)
    ]
    return Masked(System(tuple(states)), mask, when, news, forms)


def _others(news: dict[str, Symbol], state: State) -> dict[str, Symbol]:
    return {key: symbol for key, symbol in news.items() if symbol != state.after}


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


def _referring(form: Form, news: dict[str, Symbol], forms: dict[str, Form]) -> Form:
    """The form with the symbol of a new state where that state's new value stands in it.

    The value can stand in it as a whole, or under a map: a peephole, another layer's kernel.
    """
    parts = dict(form.terms)
    symbols: list[tuple[Atom, Map]] = []
    for key, symbol in news.items():
        new = forms[key]
        found = [parts.get(k) for k in new.terms]
        maps = {term[1].key for term in found if term is not None}
        if None in found or len(maps) != 1 or np.any(new.bias):
            continue
        if all(linear.is_identity for _, linear in new.terms.values()):
            symbols.append((symbol, parts[next(iter(new.terms))][1]))
            parts = {k: term for k, term in parts.items() if k not in new.terms}
    rest = [(_in_atom(atom, news, forms), linear) for atom, linear in parts.values()]
    return algebra.form([*rest, *symbols], form.bias)


def _in_atom(atom: Atom, news: dict[str, Symbol], forms: dict[str, Form]) -> Atom:
    if isinstance(atom, Symbol):
        return atom
    if isinstance(atom, Product):
        factors = [f if isinstance(f, Symbol) else _in_apply(f, news, forms) for f in atom.factors]
        return Product(tuple(sorted(factors, key=lambda f: f.key)))
    return _in_apply(atom, news, forms)


def _in_apply(atom: Apply, news: dict[str, Symbol], forms: dict[str, Form]) -> Apply:
    arguments = tuple(_referring(a, news, forms) for a in atom.arguments)
    return Apply(atom.function, arguments, atom.width, atom.parameter)


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
