"""The affine maps of a cell: turns a form over symbols into one weight for each operand."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Symbol
from rnnlite_pipeline.algebra.forms import Form, of
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.systems import System

Array = NDArray[Any]


@dataclass(eq=False)
class Inputs:
    """All that a system reads from outside, concatenated: the F features of the recurrence.

    Each entry is a form over the outside alone, with its first column: a whole input, another
    system's state, or what is computed from them.
    """

    loop: Loop
    system: System
    entries: dict[str, tuple[Form, int]] = field(default_factory=dict)

    @property
    def features(self) -> int:
        """F."""
        return sum(form.width for form, _ in self.entries.values())

    def column(self, key: str, form: Form) -> int:
        """Where the columns of an entry begin, after making room for it if it is new."""
        if key not in self.entries:
            self.entries[key] = (form, self.features)
        return self.entries[key][1]


@dataclass(frozen=True, eq=False)
class Affine:
    """A form split by what it reads; weights are [U, ...], the layout of the runtime.

    Attributes:
        outside: The terms over the inputs: their first column among the features, and the
            matrix [U, columns].
        states: By symbol key, the map on each state: a matrix [U, width].
        bias: [U].
    """

    outside: tuple[tuple[int, Array], ...]
    states: dict[str, Array]
    bias: Array

    def kernel(self, features: int) -> Array:
        """The matrix [U, F] on all features."""
        kernel = np.zeros((self.bias.shape[0], features))
        for start, matrix in self.outside:
            kernel[:, start : start + matrix.shape[1]] += matrix
        return kernel

    def on(self, symbol: Symbol) -> Array:
        """The matrix [U, width] on a state."""
        zero = np.zeros((self.bias.shape[0], symbol.width))
        return self.states.get(symbol.key, zero)

    def diagonal_on(self, symbol: Symbol, what: str) -> Array | None:
        """The diagonal [U] on a state, or None where it is not read.

        Raises:
            Unrecognised: It is read through a full matrix.
        """
        matrix = self.states.get(symbol.key)
        if matrix is None:
            return None
        diagonal = np.diagonal(matrix)
        if matrix.shape[0] != matrix.shape[1] or np.count_nonzero(matrix) != np.count_nonzero(
            diagonal
        ):
            raise Unrecognised(f"its {what} reads the cell state through a full matrix")
        return diagonal.copy()

    def reads_only(self, *symbols: Symbol) -> bool:
        """Whether no other state is read."""
        return set(self.states) <= {s.key for s in symbols}


def affine(form: Form, inputs: Inputs, what: str) -> Affine:
    """Parts a form into what it reads from outside and from the system's own states.

    Raises:
        Unrecognised: It reads a nonlinear function of the states.
    """
    outside: list[tuple[int, Array]] = []
    states: dict[str, Array] = {}
    for atom, linear in form.terms.values():
        for part, matrix in _parts(atom, linear, inputs.loop):
            if isinstance(part, Symbol) and inputs.system.owns(part):
                whole = inputs.loop.whole(part)
                first = part.start - whole.start
                known = states.setdefault(whole.key, np.zeros((len(matrix), whole.width)))
                known[:, first : first + part.width] += matrix
            elif any(inputs.system.owns(s) for s in part.symbols()):
                raise Unrecognised(f"its {what} reads a nonlinear function of the state")
            else:
                outside.append((_column(part, inputs), matrix))
    return Affine(tuple(outside), states, form.bias)


def _column(atom: Atom, inputs: Inputs) -> int:
    """The first column of an outside atom among the features; room is made for all of it.

    Raises:
        Unrecognised: It is as wide as the model finds at run time.
    """
    if not isinstance(atom, Symbol):
        return inputs.column(atom.key, of(atom))
    whole = inputs.loop.whole(atom)
    if whole.width < 0:
        raise Unrecognised("how many features it reads is known at run time only")
    return inputs.column(whole.key, of(whole)) + atom.start - whole.start


def _parts(atom: Atom, linear: Map, loop: Loop) -> list[tuple[Atom, Array]]:
    """The term, cut where a symbol spans several states; matrices as [U, width]."""
    matrix = linear.dense(atom.width).T
    if not isinstance(atom, Symbol):
        return [(atom, matrix)]
    ends = sorted({atom.start, atom.stop, *loop.cuts(atom)})
    parts = (
        (Symbol(atom.name, a, b), matrix[:, a - atom.start : b - atom.start])
        for a, b in pairwise(ends)
    )
    return [(part, weights) for part, weights in parts if np.any(weights)]


def clipped(form: Form) -> tuple[Form, float]:
    """The form inside clip(form, -bound, bound) and the bound; 0 where there is no clip.

    Raises:
        Unrecognised: It is clipped to a range that is not symmetric.
    """
    bounds: dict[str, float] = {}
    inner = form
    while isinstance(atom := inner.atom, Apply):
        if atom.function == "RELU_N1_TO_1" and not bounds:
            return atom.arguments[0], 1.0
        limit = [a for a in atom.arguments if a.is_constant and len(set(a.bias.tolist())) == 1]
        other = [a for a in atom.arguments if not a.is_constant]
        if atom.function not in {"MINIMUM", "MAXIMUM"} - set(bounds) or not limit or not other:
            break
        bounds[atom.function] = float(limit[0].bias[0])
        inner = other[0]
    if not bounds:
        return form, 0.0
    if len(bounds) != 2 or bounds["MINIMUM"] != -bounds["MAXIMUM"] or bounds["MINIMUM"] <= 0:
        raise Unrecognised(f"it clips to a range that is not symmetric: {bounds}")
    return inner, bounds["MINIMUM"]
