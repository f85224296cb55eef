"""One step of a recurrence: what is computed over the sequence before it, and the body's ops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, concatenated, widened
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.symbols import INPUT, after, before
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.forms import Forms, Row, is_truth
from rnnlite_pipeline.lower.loop.plan import Column, Plan

#: The constants that products read, by what they hold: the steps of a turn share them.
Weights = dict[bytes, Tensor]

#: An atom and what it is multiplied by.
Term = tuple[Atom, Map]


class Outside:
    """The sequences that the steps read, in x's layout.

    Attributes:
        widths: The hoisted width of each product by its atom's key, then of each loose form by
            its own: the columns of the one product over the sequence.
        forms: The form of each sequence; that product is the first, if there is one.
        pieces: The columns [start, stop) of x that are sequences themselves, the last ones.
        narrow: Whether the steps read x (loop_plan.py, rule 2); then truths are numbers, for TFLM
            gathers no BOOL.
    """

    def __init__(self, plan: Plan) -> None:
        joined: list[Form] = []
        self.widths: dict[str, int] = {}
        for atom in plan.products:
            hoisted = [plan.outside(atom, c) for c in plan.columns(atom) if c.hoisted]
            if hoisted:
                joined += hoisted
                self.widths[atom] = sum(value.width for value in hoisted)
        for key, value in plan.loose.items():
            joined.append(value)
            self.widths[key] = value.width
        self.forms = [concatenated(joined)] if joined else []
        self.forms += plan.sequences.values()
        self.narrow = not plan.hoists
        self.pieces = plan.pieces() if self.narrow else []

    def compute(self, emit: Emitter, x: Tensor) -> list[Tensor]:
        """Appends the ops over the whole of x; returns the sequences, BOOL where truths."""
        forms = Forms(emit, {INPUT: x})
        if self.narrow:
            pieces = [forms.columns(x, *piece) for piece in self.pieces]
            return [*map(forms.number, self.forms), *pieces]
        return [forms.number(v) if v.atom is None else forms.atom(v.atom) for v in self.forms]


class Step(Forms):
    """The body's forms: what depends on x alone is read, products of one atom are one.

    Args:
        emit: Where the ops of the body go.
        plan: Where each part is computed.
        outside: What is computed over the sequence.
        rows: The step [B, width] of each sequence of `outside`.
        states: The states [B, width] before the step.
        weights: The constants of other steps in the same body; its own are added.
    """

    def __init__(
        self,
        emit: Emitter,
        plan: Plan,
        outside: Outside,
        rows: Sequence[Tensor],
        states: Sequence[Tensor],
        *,
        weights: Weights,
    ) -> None:
        super().__init__(emit, {before(k): state for k, state in enumerate(states)})
        self._plan, self._weights = plan, weights
        self._outside = outside
        self._columns: dict[str, Tensor] = {}
        self._hoisted: dict[str, Tensor] = {}
        self._inputs = [*rows, *states]
        own = list(rows)
        pieces = [own.pop() for _ in outside.pieces][::-1]
        self._pieces = dict(zip(outside.pieces, pieces, strict=True))
        if outside.widths:
            parted = self._parted(own.pop(0), outside.widths.values())
            self._hoisted = dict(zip(outside.widths, parted, strict=True))
        for value, row in zip(plan.sequences.values(), own, strict=True):
            if value.atom is None:
                self._hoisted[value.key] = row
            else:
                truth = outside.narrow and is_truth(value.atom)
                self._atoms[value.atom.key] = self._nonzero(row) if truth else row

    def run(self, cell: Equations) -> list[Tensor]:
        """The states after the step, each the output of an op of its own."""
        new: dict[int, Tensor] = {}
        for k in cell.order:
            value = self.number(widened(cell.updates[k], cell.states[k]))
            new[k] = self._repeated(value, self.symbols[before(k)])
            self.symbols[after(k)] = new[k]
        carried: list[Tensor] = []
        for k in range(len(cell.states)):
            taken = [*carried, *self._inputs]
            carried.append(self._own(new[k], self.symbols[before(k)], taken))
        return carried

    def _computed(self, atom: Atom) -> Tensor:
        """Columns of x are read from the piece that holds them."""
        if isinstance(atom, Symbol) and atom.name == INPUT:
            for (start, stop), piece in self._pieces.items():
                if start <= atom.start and atom.stop <= stop:
                    return self.columns(piece, atom.start - start, atom.stop - start)
        if isinstance(atom, Product):
            return self._multiplied(self._plan.factors(atom))
        return super()._computed(atom)

    def weight(self, name: str, value: NDArray[Any] | None) -> Tensor | None:
        """A constant that a product reads, one for all steps of a turn."""
        if value is None:
            return None
        array = np.ascontiguousarray(value, np.float32)
        key = blake2b(array.data, key=str(array.shape).encode()).digest()
        if key not in self._weights:
            made = super().weight(name, array)
            assert made is not None
            self._weights[key] = made
        return self._weights[key]

    def _repeated(self, new: Tensor, old: Tensor) -> Tensor:
        """A constant row for every batch entry, as the state before has them."""
        if new.data is None:
            return new
        return self.emit.op("BROADCAST_TO", [new, self.emit.shape(old)], "FLOAT32", old.shape)

    def _own(self, new: Tensor, old: Tensor, taken: list[Tensor]) -> Tensor:
        """`new` as a loop can carry it: copying states one after the other must not mix them."""
        if new is old or new not in taken:
            return new
        return self.emit.binary("MUL", new, self.row(np.ones(1)))

    def _sum(self, value: Form) -> Tensor:
        if turned := self._plan.turned(value):
            whole, gate = self.number(turned.whole), self.atom(turned.gate)
            gated = self.emit.binary("MUL", gate, self.number(turned.inner))
            return self.emit.binary("SUB", whole, gated)
        found = self._plan.parts(value)
        total: Tensor | None = None
        for atom, column in found.columns:
            tensor = self._column(atom, column)
            total = tensor if total is None else self.emit.binary("ADD", total, tensor)
        terms: list[tuple[Tensor, Row]] = []
        if not found.outside.is_constant:
            terms.append((self._read(found.outside), np.ones(1)))
        terms += self._factored(found.elementwise)
        bias = found.outside.bias if found.outside.is_constant else np.zeros(1)
        return self._total(total, terms, bias)

    def _factored(self, terms: Sequence[Term]) -> list[tuple[Tensor, Row]]:
        """The tensor and the row of each elementwise term; `a*b - a*c` is one term, `a*(b - c)`.

        So the update of a GRU, `z*h + n - z*n`, is `n + z*(h - n)`: an op fewer. Where steps read
        x (plan.py, rule 2), terms stay as they are: in integers a difference has its own scale.
        """
        left, found = [*terms], list[tuple[Tensor, Row]]()
        while left:
            atom, linear = left.pop(0)
            place, shared = self._sharing(atom, linear, left)
            if shared is None:
                found.append((self._number_of(atom), linear.values))
                continue
            pair = [(atom, linear), left.pop(place)]
            (first, row), (second, other) = sorted(pair, key=lambda term: -_sign(term[1]))
            code = "ADD" if _sign(row) == _sign(other) else "SUB"
            rest = self.emit.binary(code, self._rest(first, shared), self._rest(second, shared))
            found.append((self.emit.binary("MUL", self._number_of(shared), rest), row.values))
        return found

    def _sharing(
        self, atom: Atom, linear: Map, others: Sequence[Term]
    ) -> tuple[int, Factor | None]:
        """The place of a term with which a factor is shared, and that; both terms added as is."""
        own = self._factors(atom) if _sign(linear) and self._plan.hoists else []
        for place, (other, row) in enumerate(others):
            keys = {factor.key for factor in self._factors(other)} if _sign(row) else set()
            for factor in own:
                if factor.key in keys:
                    return place, factor
        return 0, None

    def _factors(self, atom: Atom) -> list[Factor]:
        return self._plan.factors(atom) if isinstance(atom, Product) else []

    def _rest(self, product: Atom, factor: Factor) -> Tensor:
        """A product without one of its factors."""
        factors = self._factors(product)
        factors.pop([each.key for each in factors].index(factor.key))
        return self._multiplied(factors)

    def _read(self, outside: Form) -> Tensor:
        """What of a form is computed outside, at this step."""
        if outside.atom is not None:
            return self._number_of(outside.atom)
        return self._hoisted[outside.key]

    def _column(self, atom: Atom, column: Column) -> Tensor:
        """A column of an atom's product, with what of its outside part is hoisted."""
        if atom.key + column.key not in self._columns:
            self._multiply(atom)
        return self._columns[atom.key + column.key]

    def _multiply(self, atom: Atom) -> None:
        """Computes all products that read `atom`, in one."""
        columns = self._plan.columns(atom.key)
        matrix = np.concatenate([c.linear.values for c in columns], axis=1)
        biases = [self._bias(atom, column) for column in columns]
        product = self.product(self._number_of(atom), matrix, np.concatenate(biases))
        self._before_the_row(atom, columns, product)
        hoisted = [c for c in columns if c.hoisted]
        groups = [group for group in (hoisted, columns[len(hoisted) :]) if group]
        joined = self._parted(product, [sum(map(_width, group)) for group in groups])
        if hoisted:
            joined[0] = self.emit.binary("ADD", joined[0], self._hoisted[atom.key])
        for group, tensor in zip(groups, joined, strict=True):
            each = self._parted(tensor, map(_width, group))
            self._columns.update((atom.key + c.key, t) for c, t in zip(group, each, strict=True))

    def _parted(self, tensor: Tensor, widths: Iterable[int]) -> list[Tensor]:
        return self.split(tensor, [*widths], slices=self._plan.slices)

    def _bias(self, atom: Atom, column: Column) -> Row:
        """What the product itself adds to a column: what is not added outside."""
        own = self._plan.begins_as(atom.key, column) or column
        return own.outside.bias * (not own.hoisted)

    def _before_the_row(self, atom: Atom, columns: Sequence[Column], product: Tensor) -> None:
        """Reads what columns are before their outside part is added (plan.py, rule 4)."""
        for column, end in zip(columns, accumulate(map(_width, columns)), strict=True):
            if begin := self._plan.begins_as(atom.key, column):
                part = self.columns(product, end - _width(column), end)
                self._columns[atom.key + begin.key] = part


def _sign(linear: Map) -> float:
    """1 or -1 for an atom that is added or subtracted; 0 for one that is multiplied before."""
    return next((sign for sign in (1.0, -1.0) if np.all(linear.values == sign)), 0.0)


def _width(column: Column) -> int:
    return column.linear.width
