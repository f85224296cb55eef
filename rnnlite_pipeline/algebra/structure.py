"""What a form is apart from its numbers: equal for a cell and the same one with other weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.maps import Map, hashed


def structure(values: Iterable[Form]) -> list[str]:
    """The structure of each form."""
    told = Structure()
    return [told.of_form(value) for value in values]


class Structure:
    """Tells structures; each part of a form is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of_atom(self, atom: Atom) -> str:
        """A short name, equal for equal structures."""
        if isinstance(atom, Symbol):
            return atom.key
        if atom.key not in self._known:
            self._known[atom.key] = hashed(self._written(atom))
        return self._known[atom.key]

    def _written(self, atom: Product | Apply) -> str:
        if isinstance(atom, Product):
            return "*".join(sorted(map(self.of_atom, atom.factors)))
        arguments = ",".join(map(self.of_form, atom.arguments))
        return f"{atom.function}({arguments};{atom.width};{atom.options})"

    def of_form(self, value: Form) -> str:
        """A name, equal for equal structures."""
        terms = (f"{self.of_atom(a)}@{_of_map(m)}" for a, m in value.terms.values())
        return f"{'+'.join(sorted(terms))}+{value.width}"


def _of_map(linear: Map) -> str:
    """Factors of 1 and of -1 are no numbers: no op multiplies by them."""
    sign = next((s for s in (1.0, -1.0) if linear.diagonal and np.all(linear.values == s)), 0)
    return f"{linear.values.shape}{sign}"
