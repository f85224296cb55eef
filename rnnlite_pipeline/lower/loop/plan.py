"""Which parts of a cell are computed for all steps at once, and which products are joined.

1. What depends on x alone does not recur: it is computed outside, over all steps. Each form of
   the step has an outside part, its bias and its terms over x, and an inside part, the rest.
2. Outside parts that are affine in x are columns of one product over the whole sequence.
   In integers and on TensorFlow Lite Micro what is affine in x stays inside: x is narrower than
   its products, a row of it is converted exactly, no sequence of products is rounded to 8 bits,
   and TFLM copies every operand of a loop at each turn.
3. Products of a step that read the same atom are columns of one product; where a form has such
   a product, its outside part is added to the product's columns, for all of them at once.
4. What a gate multiplies is mostly a product as well, `o + r*L` with `o` of x alone and `L` a
   column without one (the candidate of a GRU). It is computed as `(o + L) - (1 - r)*L`: then all
   columns have an outside part, which is added at once, and `L` is read before that. `1 - r` is the
   sigmoid of what is negative.
5. Terms and factors stand in the order of a key: of their own, which depends on the weights; or,
   where two steps are to be joined (joined.py), of their structure, which does not.

Gates are not joined further: one LOGISTIC over three gates takes as long as three, with what parts
them (docs/guides/benchmark.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, constant, form, of
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.symbols import INPUT

#: What atoms are ordered by.
Order = Callable[[Atom], str]


def own_key(atom: Atom) -> str:
    """Its key."""
    return atom.key


@dataclass(frozen=True, eq=False)
class Column:
    """Some columns of a product: `atom @ linear + outside`.

    Attributes:
        linear: The matrix [in, width].
        outside: A bias, or that and terms affine in x.
    """

    linear: Map
    outside: Form

    @property
    def key(self) -> str:
        """Equal for equal columns of one product."""
        return f"{self.linear.key}+{self.outside.key}"

    @property
    def hoisted(self) -> bool:
        """Whether its outside part is computed by the product over the sequence."""
        return not self.outside.is_constant


@dataclass(frozen=True, eq=False)
class Parts:
    """A form of the step as the sum it is computed as.

    Attributes:
        columns: Products by a matrix, each with its atom.
        elementwise: The other terms of the inside.
        outside: What is added beyond: a constant, or a form of x alone.
    """

    columns: tuple[tuple[Atom, Column], ...]
    elementwise: tuple[tuple[Atom, Map], ...]
    outside: Form


def parts(value: Form, hoists: bool, order: Order = own_key) -> Parts:
    """Parts a form; the first of its products takes the outside part along where it can.

    Which is the first does not depend on how the form was spelled.

    Args:
        value: A form of the step.
        hoists: Whether what is affine in x is computed outside.
        order: What its terms are ordered by.
    """
    terms = sorted(value.terms.values(), key=lambda term: (order(term[0]), term[0].key))
    outside = form([(a, m) for a, m in terms if is_outside(a, hoists)], value.bias)
    inside = [(a, m) for a, m in terms if not is_outside(a, hoists)]
    nothing = constant(np.zeros(value.width))
    taken = outside if outside.is_constant or is_affine(outside) else nothing
    columns: list[tuple[Atom, Column]] = []
    for atom, linear in inside:
        if is_matrix(linear):
            columns.append((atom, Column(linear, nothing if columns else taken)))
    left = nothing if columns and taken is outside else outside
    return Parts(tuple(columns), tuple((a, m) for a, m in inside if not is_matrix(m)), left)


@dataclass(frozen=True, eq=False)
class Turned:
    """A form as `whole - gate*inner` (rule 4).

    Attributes:
        whole: `o + L`.
        gate: `1 - r`.
        inner: `L`.
    """

    whole: Form
    gate: Apply
    inner: Form


@dataclass(eq=False)
class Plan:
    """Where each part of a step is computed.

    Attributes:
        products: The columns of each joined product, by the key of the atom it reads.
        loose: The forms affine in x that belong to no product, by their key.
        sequences: All other forms of x alone, by their key.
        read: The columns of x that the step itself reads, by their key.
        hoists: Whether what is affine in x is computed outside.
        order: What terms and factors are ordered by (rule 5).
        slices: Whether a row may be sliced; else rule 4 is left out.
    """

    hoists: bool = True
    order: Order = own_key
    slices: bool = True
    read: dict[str, Symbol] = field(default_factory=dict)
    products: dict[str, dict[str, Column]] = field(default_factory=dict)
    loose: dict[str, Form] = field(default_factory=dict)
    sequences: dict[str, Form] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def columns(self, atom: str) -> list[Column]:
        """The columns of an atom's product, hoisted ones first, without what others begin as."""
        found = self.products[atom].values()
        begins = {begin.key for column in found if (begin := self.begins_as(atom, column))}
        left = (column for column in found if column.key not in begins)
        return sorted(left, key=lambda column: not column.hoisted)

    def begins_as(self, atom: str, column: Column) -> Column | None:
        """What a hoisted column is before its outside part is added, if a step reads that (rule 4).

        Its bias is the product's own then.
        """
        others = self.products[atom].values() if column.hoisted else ()
        alike = (c for c in others if not c.hoisted and c.linear.key == column.linear.key)
        return next(alike, None)

    def outside(self, atom: str, column: Column) -> Form:
        """What is added to a hoisted column of an atom's product."""
        begin = self.begins_as(atom, column)
        return column.outside if begin is None else column.outside - begin.outside

    def turned(self, value: Form) -> Turned | None:
        """A form by rule 4, if it is one of those."""
        found = self.parts(value)
        if not (self.hoists and self.slices) or found.columns or not is_affine(found.outside):
            return None
        if len(found.elementwise) != 1:
            return None
        ((atom, linear),) = found.elementwise
        if not isinstance(atom, Product) or len(atom.factors) != 2 or np.any(linear.values != 1.0):
            return None
        one, two = atom.factors
        return _turned(found.outside, one, two) or _turned(found.outside, two, one)

    def weights(self) -> int:
        """How many weights the products of a step read."""
        return sum(c.linear.values.size for atom in self.products for c in self.columns(atom))

    def parts(self, value: Form) -> Parts:
        """A form of the step as it is computed."""
        return parts(value, self.hoists, self.order)

    def factors(self, product: Product) -> list[Factor]:
        """The factors of a product, in order."""
        return sorted(product.factors, key=lambda factor: (self.order(factor), factor.key))

    def visit(self, value: Form) -> None:
        """Takes note of a form of the step, however deep."""
        if value.key in self._seen:
            return
        self._seen.add(value.key)
        if turned := self.turned(value):
            self.visit(turned.whole)
            self._visit_atom(turned.gate)
            self.visit(turned.inner)
            return
        found = self.parts(value)
        for atom, column in found.columns:
            self.products.setdefault(atom.key, {}).setdefault(column.key, column)
            self._visit_atom(atom)
        for atom, _ in found.elementwise:
            self._visit_atom(atom)
        if not found.outside.is_constant:
            kind = self.loose if is_affine(found.outside) else self.sequences
            kind[found.outside.key] = found.outside

    def pieces(self) -> list[tuple[int, int]]:
        """The columns [start, stop) of x that the step reads, as few disjoint pieces as hold each.

        What is read apart is a sequence of its own: a mask that was joined with features has its
        own scale in integers, and columns that no step reads are not carried.
        """
        found: list[tuple[int, int]] = []
        for start, stop in sorted((s.start, s.stop) for s in self.read.values()):
            if found and start < found[-1][1]:
                start, stop = found[-1][0], max(stop, found.pop()[1])  # noqa: PLW2901  # joined
            found.append((start, stop))
        return found

    def _visit_atom(self, atom: Atom) -> None:
        if isinstance(atom, Symbol) and atom.name == INPUT:
            self.read[atom.key] = atom
        if isinstance(atom, Apply):
            for argument in atom.arguments:
                self.visit(argument)
        elif isinstance(atom, Product):
            for factor in self.factors(atom):
                self.visit(of(factor))


def _turned(outside: Form, gate: Factor, inner: Factor) -> Turned | None:
    """`outside + gate*inner` by rule 4."""
    if not isinstance(gate, Apply) or gate.function != "LOGISTIC":
        return None
    if not isinstance(inner, Apply) or inner.function != "LINEAR":
        return None
    (linear,), (argument,) = inner.arguments, gate.arguments
    matrices = [is_matrix(mapped) for _, mapped in linear.terms.values()]
    if matrices != [True] or len({gate.width, inner.width, outside.width}) != 1:
        return None
    rest = Apply("LOGISTIC", (argument.scaled(np.array([-1.0])),), gate.width)
    return Turned(linear + outside, rest, linear)


def plan(cell: Equations, hoists: bool, order: Order = own_key, slices: bool = True) -> Plan:
    """The plan of a cell's step."""
    made = Plan(hoists, order, slices)
    for update in cell.updates:
        made.visit(update)
    return made


def is_outside(atom: Atom, hoists: bool) -> bool:
    """Whether it depends on x alone, and is more than x or to be hoisted."""
    mine = all(symbol.name == INPUT for symbol in atom.symbols())
    return mine and (hoists or not isinstance(atom, Symbol))


def is_matrix(linear: Map) -> bool:
    """Whether it mixes columns."""
    return not linear.diagonal


def is_affine(outside: Form) -> bool:
    """Whether a form of x alone is x by a matrix and a bias."""
    symbols = all(isinstance(atom, Symbol) for atom, _ in outside.terms.values())
    return symbols and any(is_matrix(linear) for _, linear in outside.terms.values())
