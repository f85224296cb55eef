"""One attempt at unification: what is known so far, and which of several ways goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Factor, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS
from rnnlite_pipeline.algebra.patterns import (
    Function,
    Leaf,
    Pattern,
    Read,
    Unknown,
)
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.cells.products import (
    function_of,
)
from rnnlite_pipeline.recognise.loop.loop import State, Unrecognised

NAMES = {op: name for name, op in ACTIVATION_OPS.items()}
_MINUS = np.array([-1.0])


class Mismatch(Unrecognised):
    """Why an attempt failed, and how much had been found by then."""

    def __init__(self, message: str, found: int) -> None:
        super().__init__(message)
        self.found = found


def furthest(problems: Sequence[Mismatch]) -> Mismatch:
    """The mismatch of the attempt that found most; the shortest text if there are several."""
    return max(problems, key=lambda problem: (problem.found, -len(str(problem))))


#: A way to go on: it changes the attempt, or raises.
Way: TypeAlias = Callable[["Attempt"], None]


@dataclass(eq=False)
class Attempt(ABC):
    """One template against one order of the states.

    Attributes:
        cell: The template.
        states: The states in the cell's order.
        inputs: What is read from outside.
        weights: What is known of each unknown; a kernel once all features are.
        factors: The factor that each named quantity is; where true, at its argument's minus.
        places: Where each unknown was found first.
    """

    cell: NamedCell
    states: tuple[State, ...]
    inputs: Inputs
    weights: dict[Unknown, Any] = field(default_factory=dict)
    factors: dict[Leaf, tuple[str, bool]] = field(default_factory=dict)
    places: dict[Unknown, str] = field(default_factory=dict)

    def fail(self, message: str) -> Mismatch:
        """Why this attempt failed."""
        return Mismatch(message, len(self.weights) + len(self.factors))

    def copy(self) -> Self:
        """A copy that can continue independently."""
        return replace(
            self,
            inputs=replace(self.inputs, entries=dict(self.inputs.entries)),
            weights=dict(self.weights),
            factors=dict(self.factors),
            places=dict(self.places),
        )

    def _become(self, other: Attempt) -> None:
        self.inputs, self.weights = other.inputs, other.weights
        self.factors, self.places = other.factors, other.places

    def first_of(self, ways: Iterable[Way], why_not: str) -> None:
        """Goes on as the first of `ways` that succeeds.

        Raises:
            Mismatch: None does; `why_not` if there is none at all.
        """
        problems = [self.fail(why_not)]
        for way in ways:
            trial = self.copy()
            try:
                way(trial)
            except Mismatch as problem:
                problems.append(problem)
            except Unrecognised as problem:
                problems.append(trial.fail(str(problem)))
            else:
                self._become(trial)
                return
        raise furthest(problems[1:] or problems)

    def bind(self, unknown: Unknown | Any, value: Any, what: str) -> None:
        """Stores the value of an unknown; a known value must be the same.

        Raises:
            Mismatch: It is another one elsewhere.
        """
        if not isinstance(unknown, Unknown):
            if unknown != value:  # a name or a number that the cell fixes
                raise self.fail(f"its {what} uses {_shown(value)}, not {_shown(unknown)}")
            return
        known = self.weights.setdefault(unknown, value)
        place = self.places.setdefault(unknown, what)
        if not _same(known, value):
            raise self.fail(f"its {place} uses {_shown(known)} and its {what} {_shown(value)}")

    @abstractmethod
    def value(self, pattern: Pattern, value: Form, what: str) -> None:
        """Makes a pattern and a form equal.

        Raises:
            Mismatch: They are not.
        """

    @abstractmethod
    def leaf(self, leaf: Leaf, factor: Factor, what: str, *, turned: bool = False) -> None:
        """A leaf is a factor. If turned, it is 1 - factor, or -factor for an odd function."""

    def may_be(self, leaf: Leaf, factor: Factor) -> bool:
        """Whether a leaf can be a factor, judged only by the outermost function."""
        if isinstance(leaf, Read):
            return isinstance(factor, Symbol) and factor.key == self.symbol(leaf).key
        function = function_of(leaf)
        if function is None or not isinstance(factor, Apply):
            return False
        if leaf in self.factors:
            return self.factors[leaf][0] == factor.key
        return computes(function, factor) and self._reads(function, factor)

    def _reads(self, function: Function, factor: Apply) -> bool:
        """Whether a function of a state alone is one of that state."""
        leaf = function.argument.leaf
        if not isinstance(leaf, Read):
            return True
        atom = factor.arguments[0].atom
        return isinstance(atom, Symbol) and atom.key == self.symbol(leaf).key

    def symbol(self, leaf: Read) -> Symbol:
        """The loop's symbol for a state of the cell."""
        assert leaf.k is not None, "the input stands under a kernel"
        state = self.states[leaf.k]
        return state.after if leaf.after else state.before


def _same(a: Any, b: Any) -> bool:
    return a is b or bool(np.array_equal(a, b))


def _shown(value: Any) -> str:
    """An unknown that was found, in a sentence."""
    if isinstance(value, str):
        return "no activation" if value == "NONE" else value.lower()
    return f"{value:g}" if isinstance(value, float) else "other weights"


def computes(leaf: Function, atom: Apply) -> bool:
    """Whether a function may be the outermost one of an atom."""
    name = NAMES.get(atom.function)
    if name is None or atom.options:
        return False
    function = leaf.function
    return name in function.among if isinstance(function, Unknown) else name == function
