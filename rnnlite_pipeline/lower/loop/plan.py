"""Which parts of a cell are computed for all steps at once, and which products are joined.

1. What depends on x alone does not recur: it is computed outside, over all steps. Each form of
   the step has an outside part, its bias and its terms over x, and an inside part, the rest.
2. Outside parts that are affine in x are columns of one product over the whole sequence.
   In integers and on TensorFlow Lite Micro what is affine in x stays inside: x is narrower than
   its products, a row of it is converted exactly, no sequence of products is rounded to 8 bits,
   and TFLM copies every operand of a loop at each turn.
3. Products of a step that read the same atom are columns of one product; where a form has such
   a product, its outside part is added to the product's columns, for all of them at once.
4. Terms and factors stand in the order of a key: of their own, which depends on the weights; or,
   where two steps are to be joined (joined.py), of their structure, which does not.

Gates are not joined further: one LOGISTIC over three gates and a SPLIT_V take longer than three
LOGISTICs after one SPLIT in equal parts (4 % of a step of 128 units).
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


@dataclass(eq=False)
class Plan:
    """Where each part of a step is computed.

    Attributes:
        products: The columns of each joined product, by the key of the atom it reads.
        loose: The forms affine in x that belong to no product, by their key.
        sequences: All other forms of x alone, by their key.
        read: The columns of x that the step itself reads, by their key.
        hoists: Whether what is affine in x is computed outside.
        order: What terms and factors are ordered by (rule 4).
    """

    hoists: bool = True
    order: Order = own_key
    read: dict[str, Symbol] = field(default_factory=dict)
    products: dict[str, dict[str, Column]] = field(default_factory=dict)
    loose: dict[str, Form] = field(default_factory=dict)
    sequences: dict[str, Form] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def columns(self, atom: str) -> list[Column]:
        """The columns of an atom's product, hoisted ones first."""
        return sorted(self.products[atom].values(), key=lambda column: not column.hoisted)

    def weights(self) -> int:
        """How many weights the products of a step read."""
        each = (column for columns in self.products.values() for column in columns.values())
        return sum(column.linear.values.size for column in each)

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


def plan(cell: Equations, hoists: bool, order: Order = own_key) -> Plan:
    """The plan of a cell's step."""
    made = Plan(hoists, order)
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
