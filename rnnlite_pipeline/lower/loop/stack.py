"""Two recurrences, of which one reads what the other puts out, as one loop: one step apart.

A turn runs step t + 1 of the first one and step t of the second, so that each op of a turn serves
both, and what a turn costs beside its arithmetic is paid once. (Stacks are run along diagonals in
Appleyard et al., Optimizing Performance of Recurrent Neural Networks on GPUs, 2016, section 3.2.)

1. Both steps are one step of a wider cell. Its states are theirs side by side, [first | second],
   and so is every form of it. What the second one reads is the first state before the turn: the
   first one's output of the step before.
2. A matrix that reads the first state or x is one matrix of both, with zeros where one does not
   read the other: [[R1, W2], [0, R2]] for the state, [W1, 0] for x.
3. A function or a product of one is joined with one of the other where they are the same and
   elementwise. Products and sums have no order, so which are joined changes no result; what is
   made alike is joined, so that what is shared stays shared.
4. Zeros multiply nothing that may be infinite or NaN, as that gives NaN: what is no number in a
   step of x must reach no step before it. So a matrix reads no quantity of this very step, the
   outputs cannot overflow, and x is multiplied by W1 alone; the columns of the second one are put
   in between (PAD).
5. The first step of the first one is run before the loop; the second one's part of that is left
   out. In the last turn the first one runs a step too many, on the last row of x, which nothing
   reads. So its own final states must not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, form, widened
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.symbols import INPUT, After, Before, after, before
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import numbers, scalar
from rnnlite_pipeline.lower.loop.forms import Forms
from rnnlite_pipeline.lower.loop.joined import NotAlike
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.step import Outside
from rnnlite_pipeline.lower.loop.writer import Loops, Writer, delivered

T = TypeVar("T")

#: Up to so many bytes of weights in a turn one loop is faster than two: 7 to 47 %. The zeros of
#: rule 2 are multiplied as well, so above it takes as long or longer (docs/guides/benchmark.md).
MOST_BYTES = 40_000

#: The ops beside those of a loop.
NEEDED = ("CONCATENATION", "GATHER", "MAXIMUM", "MINIMUM", "PAD", "RANGE", "STRIDED_SLICE")


def joined_cells(first: Equations, second: Equations) -> Equations:
    """The step of both, the second one's a step behind.

    Returns:
        A cell whose state k is [first's state k | second's state k]. It reads what the first reads.

    Raises:
        NotAlike: They are not the same functions of other numbers.
    """
    if len(first.states) != len(second.states) or first.order != second.order:
        raise NotAlike
    if not all(map(_output_is_finite, (first, second))):
        raise NotAlike
    both = _Both(first.features, first.states, second.states)
    updates = [
        both.form(widened(first.updates[k], m), widened(second.updates[k], n))
        for k, (m, n) in enumerate(zip(first.states, second.states, strict=True))
    ]
    states = [m + n for m, n in zip(first.states, second.states, strict=True)]
    return Equations("stack", first.features, (*states,), (*updates,), first.order)


@dataclass(frozen=True)
class _Columns:
    """The columns of what is computed of x over the sequence: `groups` times those of each cell.

    Attributes:
        groups: How often.
        first: Columns of the first cell, which reads x.
        second: Columns of the second one, after them; zeros and a bias.
    """

    groups: int
    first: int
    second: int


def _columns(outside: Outside) -> _Columns:
    """How the columns of the cells alternate.

    Raises:
        NotAlike: They do not, or steps read more of x than one product.
    """
    if len(outside.forms) != 1 or len(outside.forms[0].terms) != 1:
        raise NotAlike
    ((atom, linear),) = outside.forms[0].terms.values()
    reads = np.any(linear.dense(atom.width) != 0.0, axis=0)
    ends = np.flatnonzero(np.diff(reads, append=not reads[-1])) + 1
    widths = np.diff(ends, prepend=0)
    found = _Columns(len(widths) // 2, int(widths[0]), int(widths[-1]))
    expected = np.tile([found.first, found.second], found.groups)
    if not isinstance(atom, Symbol) or not reads[0] or not np.array_equal(widths, expected):
        raise NotAlike
    return found


class _StackWriter(Writer):
    """Writes the loop of a joined cell."""

    def _sequences(self, emit: Emitter, x: Sequence[Tensor]) -> list[Tensor]:
        """What the steps read: x by the first cell's matrix alone (rule 4)."""
        (value,), columns = self.outsides[0].forms, _columns(self.outsides[0])
        ((atom, linear),) = value.terms.values()
        own = np.arange(value.width) % (columns.first + columns.second) < columns.first
        matrix = linear.dense(atom.width)[:, own]
        product = Forms(emit, {}).product(x[0], matrix, np.zeros(matrix.shape[1]))
        sizes = (product.shape or (OPEN, OPEN))[:2]
        rows = OPEN if OPEN in sizes else prod(sizes)
        each = emit.reshape(product, [rows, columns.groups, columns.first])
        pads = emit.constant("pads", np.array([[0, 0], [0, 0], [0, columns.second]], np.int32))
        shape = (rows, columns.groups, columns.first + columns.second)
        wide = emit.op("PAD", [each, pads], "FLOAT32", shape)
        joined = emit.reshape(wide, [*sizes, value.width])
        if not np.any(value.bias):
            return [joined]
        bias = emit.constant("bias", value.bias.astype(np.float32))
        return [emit.binary("ADD", joined, bias)]


def stack_weights(first: Recurrence, second: Recurrence) -> int | None:
    """How many weights a turn of one loop for both reads; None where they cannot be joined.

    Args:
        first: The recurrence that reads x.
        second: The one that reads what it puts out.
    """
    try:
        made = plan(joined_cells(first.cell.equations(), second.cell.equations()), hoists=True)
        _columns(Outside(made))
    except NotAlike:
        return None
    return made.weights()


class _Both:
    """Joins forms of two cells; each pair of factors once.

    Args:
        features: F of the first cell.
        first: The width of each state of it.
        second: That of each state of the second one.
    """

    def __init__(self, features: int, first: Sequence[int], second: Sequence[int]) -> None:
        self._features, self._states = features, (first, second)
        self._known: dict[tuple[str, str], Factor] = {}
        self._alike = _Alike()

    def form(self, one: Form, two: Form) -> Form:
        """Both forms side by side."""
        terms: list[tuple[Atom, Map]] = [*self._matrices((one, two))]
        others = map(self._others, (one, two))
        for (a, p), (b, q) in _paired(*others):
            elementwise = p.diagonal and q.diagonal
            if not elementwise or (a.width, b.width) != (one.width, two.width):
                raise NotAlike
            terms.append((self._atom(a, b), Map(np.concatenate([p.values, q.values]))))
        return form(terms, np.concatenate([one.bias, two.bias]))

    def _matrices(self, both: tuple[Form, Form]) -> Iterator[tuple[Atom, Map]]:
        """What multiplies x and states (rule 2)."""
        width, found = sum(value.width for value in both), dict[Symbol, NDArray[Any]]()
        for second, value in enumerate(both):
            place = second * both[0].width
            for atom, linear in value.terms.values():
                if isinstance(atom, Symbol) and not linear.diagonal:
                    whole, start = self._of(atom, second, matrix=True)
                    matrix = found.setdefault(whole, np.zeros((whole.width, width)))
                    rows, columns = start + atom.width, place + value.width
                    matrix[start:rows, place:columns] += linear.values
        return ((whole, Map(matrix)) for whole, matrix in found.items())

    def _of(self, symbol: Symbol, second: int, *, matrix: bool = False) -> tuple[Symbol, int]:
        """The quantity of the joined cell that a symbol is in, and where it begins there.

        `matrix`: whether a matrix reads it (rule 4).
        """
        if symbol.name == INPUT and not second:
            return Symbol(INPUT, 0, self._features), symbol.start
        name = before(0) if symbol.name == INPUT else symbol.name
        assert isinstance(name, (Before, After)), "a step reads x and states"
        if matrix and name != before(0):
            raise NotAlike
        first, other = (widths[name.number] for widths in self._states)
        behind = first if second and symbol.name != INPUT else 0
        return Symbol(name, 0, first + other), behind + symbol.start

    def _others(self, value: Form) -> list[tuple[Atom, Map]]:
        """The terms that are joined in pairs, those of like cells in the same order."""
        terms = [(a, m) for a, m in value.terms.values() if m.diagonal or not isinstance(a, Symbol)]
        return sorted(terms, key=lambda term: (self._alike.key(term[0]), term[0].key))

    def _atom(self, a: Atom, b: Atom) -> Atom:
        if not isinstance(a, Product) or not isinstance(b, Product):
            return self._factor(a, b)
        ordered = (
            sorted(each.factors, key=lambda f: (self._alike.key(f), f.key)) for each in (a, b)
        )
        made = [self._factor(p, q) for p, q in _paired(*ordered)]
        return Product(tuple(sorted(made, key=lambda factor: factor.key)))

    def _factor(self, a: Atom, b: Atom) -> Factor:
        key = (a.key, b.key)
        if key not in self._known:
            self._known[key] = self._joined(a, b)
        return self._known[key]

    def _joined(self, a: Atom, b: Atom) -> Factor:
        if isinstance(a, Symbol) and isinstance(b, Symbol):
            return self._state(a, b)
        if not isinstance(a, Apply) or not isinstance(b, Apply):
            raise NotAlike
        if (a.function, a.options) != (b.function, b.options) or a.reduces:
            raise NotAlike
        arguments = [
            self.form(widened(p, a.width), widened(q, b.width))
            for p, q in _paired(a.arguments, b.arguments)
        ]
        return Apply(a.function, tuple(arguments), a.width + b.width, a.options)

    def _state(self, a: Symbol, b: Symbol) -> Symbol:
        """A whole state of both; parts of it do not lie side by side."""
        if a.name != b.name or a.name == INPUT:
            raise NotAlike
        whole, _ = self._of(a, second=0)
        if a.start or b.start or a.width + b.width != whole.width:
            raise NotAlike
        return whole


class _Alike:
    """Tells atoms apart by their functions, whatever the widths and what matrices read."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def key(self, atom: Atom) -> str:
        """Equal for atoms that can be joined."""
        if atom.key not in self._known:
            self._known[atom.key] = self._written(atom)
        return self._known[atom.key]

    def _written(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            return atom.name
        if isinstance(atom, Product):
            return "*".join(sorted(map(self.key, atom.factors)))
        return f"{atom.function}({','.join(map(self._of_form, atom.arguments))};{atom.options})"

    def _of_form(self, value: Form) -> str:
        kept = ((a, m) for a, m in value.terms.values() if m.diagonal or not isinstance(a, Symbol))
        return "+".join(sorted(f"{self.key(a)}@{m.diagonal}" for a, m in kept))


def _output_is_finite(cell: Equations) -> bool:
    """Whether no step makes the output overflow: it is a sum of what is bounded, as by gates.

    One term may be the output before the step times what is bounded, as in a GRU.
    """
    kept = 0
    for atom, linear in cell.updates[0].terms.values():
        rest = [factor for factor in _factors(atom) if not _is_bounded(factor)]
        if not rest:
            continue
        kept += 1
        own = len(rest) == 1 and _is_output(rest[0])
        if not own or kept > 1 or not linear.diagonal or np.any(np.abs(linear.values) > 1.0):
            return False
    return True


def _factors(atom: Atom) -> tuple[Factor, ...]:
    return atom.factors if isinstance(atom, Product) else (atom,)


def _is_output(atom: Atom) -> bool:
    return isinstance(atom, Symbol) and atom.name in (before(0), after(0))


def _is_bounded(atom: Atom) -> bool:
    """Whether it lies between -1 and 1."""
    return isinstance(atom, Apply) and atom.function in ("LOGISTIC", "TANH")


def _paired(one: Sequence[T], two: Sequence[T]) -> Iterator[tuple[T, T]]:
    if len(one) != len(two):
        raise NotAlike
    return zip(one, two, strict=True)


def lower_stack_to_loop(
    pair: tuple[Recurrence, Recurrence],
    inputs: tuple[Sequence[Tensor | None], Sequence[Tensor | None]],
    outputs: Sequence[Tensor],
    used: set[Tensor],
    loops: Loops,
) -> list[Op]:
    """The ops that take the place of two recurrences of one direction and layout.

    Args:
        pair: The one that reads x, of which two steps at least are known; and the one that reads
            what it puts out, which nothing else does.
        inputs: What each reads, then its initial states.
        outputs: y and the final states of the second one.
        used: The tensors that something reads.
        loops: How the loop is written.

    Raises:
        NotAlike: They are not the same functions of other numbers.
    """
    first, second = pair
    (x, *given), (_, *own) = inputs
    y, *finals = outputs
    assert x is not None, "a recurrence reads a sequence"
    cell = joined_cells(first.cell.equations(), second.cell.equations())
    both = Recurrence(first.name, cell, first.reverse, first.time_major)
    emit, axis = Emitter(first.name), 0 if first.time_major else 1
    steps = (x.shape or (OPEN,))[axis]
    start = steps - 1 if first.reverse else 0
    ahead = _StackWriter([both], emit.part(x, axis, start, start + 1), loops, emit)
    begun = ahead.initial(first.cell.states, [given])
    waiting = ahead.initial(second.cell.states, [own])
    step = ahead.one_step([emit.concatenate(each, 1) for each in zip(begun, waiting, strict=True)])
    begun = [emit.part(s, 1, 0, w) for s, w in zip(step, first.cell.states, strict=True)]
    initial = [emit.concatenate(each, 1) for each in zip(begun, waiting, strict=True)]
    rows = emit.gather(x, _next_steps(emit, steps, reverse=first.reverse), axis)
    writer = _StackWriter([both], rows, loops, emit)
    results = writer.run([initial], y in used, ends=not used.isdisjoint(finals))
    computed: dict[Tensor, Tensor] = {}
    starts = [*first.cell.states, first.cell.states[0]]
    for result, wanted, start in zip(results, [*finals, y], starts, strict=False):
        if wanted in used:
            computed[emit.part(result, len(result.shape or ()) - 1, start, None)] = wanted
    return delivered(emit, computed, used)


def _next_steps(emit: Emitter, steps: int, *, reverse: bool) -> Tensor:
    """Of each step the one that is run after it, int32 [T]; of the last one itself."""
    by, code, last = (-1, "MAXIMUM", 0) if reverse else (1, "MINIMUM", steps - 1)
    following = numbers(emit, by, by + steps, 1)
    following.shape = (steps,)
    return emit.binary(code, following, scalar(emit, last))
