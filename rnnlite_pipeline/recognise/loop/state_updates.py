"""Equations that refer to each other's new values by name.

A step often goes on with a value it has just computed, and only puts it away as a state at the
end, maybe through a select. `StateUpdates` knows the new value of each state and says where else
it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.recognise.loop.loop import State


@dataclass(frozen=True, eq=False)
class StateUpdates:
    """The new values of some states: each form, and the symbol of the state that takes it."""

    values: dict[str, tuple[Form, Symbol]]

    @classmethod
    def of(cls, values: Sequence[tuple[State, Form]]) -> StateUpdates:
        """The updates of states; of two that take one value, the one whose old value is read."""
        read = {s.key for _, form in values for s in form.symbols()}
        known: dict[str, tuple[Form, Symbol]] = {}
        for state, form in sorted(values, key=lambda pair: pair[0].before.key not in read):
            if any(not isinstance(atom, Symbol) for atom, _ in form.terms.values()):
                known.setdefault(form.key, (form, state.after))
        return cls(known)

    def equations(self, values: Sequence[tuple[State, Form]]) -> list[State]:
        """The states with these new values, each in terms of the others' symbols."""
        return [
            replace(state, equation=self.referring(form, but=state.after)) for state, form in values
        ]

    def referring(self, form: Form, but: Symbol | None = None) -> Form:
        """The form with a state's symbol where its new value stands in it, `but` one state's.

        The value can stand in it as a whole, or under a map: a peephole, another layer's kernel.
        """
        parts = dict(form.terms)
        symbols: list[tuple[Atom, Map]] = []
        for new, symbol in self.values.values():
            linear = None if symbol == but else _common_map(new, parts)
            if linear is not None:
                symbols.append((symbol, linear))
                parts = {k: term for k, term in parts.items() if k not in new.terms}
        rest = [(self._in_atom(atom, but), linear) for atom, linear in parts.values()]
        return forms.form([*rest, *symbols], form.bias)

    def _in_atom(self, atom: Atom, but: Symbol | None) -> Atom:
        if isinstance(atom, Symbol):
            return atom
        if isinstance(atom, Product):
            kept = (f if isinstance(f, Symbol) else self._in_apply(f, but) for f in atom.factors)
            return Product(tuple(sorted(kept, key=lambda f: f.key)))
        return self._in_apply(atom, but)

    def _in_apply(self, atom: Apply, but: Symbol | None) -> Apply:
        arguments = tuple(self.referring(a, but) for a in atom.arguments)
        return Apply(atom.function, arguments, atom.width, atom.options)


def _common_map(new: Form, parts: dict[str, tuple[Atom, Map]]) -> Map | None:
    """The map under which all of `new` stands among the terms, or None."""
    found = [parts.get(key) for key in new.terms]
    maps = [term[1] for term in found if term is not None]
    if len(maps) != len(found) or len({m.key for m in maps}) != 1 or np.any(new.bias):
        return None
    plain = all(linear.is_identity for _, linear in new.terms.values())
    return maps[0] if plain else None
