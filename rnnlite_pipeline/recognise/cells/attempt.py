"""One attempt at unification: what is known so far, and how more of it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Factor, Symbol
from rnnlite_pipeline.algebra.forms import Form, of
from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS, ODD
from rnnlite_pipeline.algebra.patterns import (
    Clipped,
    Function,
    Leaf,
    Named,
    Pattern,
    Read,
    Unknown,
)
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.recognise.cells.affine_maps import affine_map
from rnnlite_pipeline.recognise.cells.gates import Inputs, clipped
from rnnlite_pipeline.recognise.cells.pattern_text import described
from rnnlite_pipeline.recognise.cells.products import (
    Found,
    Term,
    assignments,
    expanded,
    function_of,
    is_sigmoid,
    joined,
    paired,
    reads_state,
    signed,
    subsets,
    turnable,
)
from rnnlite_pipeline.recognise.loop.loop import State, Unrecognised

_NAMES = {op: name for name, op in ACTIVATION_OPS.items()}
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
class Attempt:
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

    def copy(self) -> Attempt:
        """A copy that can continue independently."""
        inputs = replace(self.inputs, entries=dict(self.inputs.entries))
        known = dict(self.weights), dict(self.factors), dict(self.places)
        return Attempt(self.cell, self.states, inputs, *known)

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

    def value(self, pattern: Pattern, value: Form, what: str) -> None:
        """Makes a pattern and a form equal.

        Raises:
            Mismatch: They are not.
        """
        leaf = pattern.leaf
        if isinstance(leaf, Clipped):
            try:
                inner, bound = clipped(value)
            except Unrecognised as problem:
                raise self.fail(str(problem)) from None
            self.bind(leaf.bound, bound, what)
            self.value(leaf.value, inner, what)
        elif isinstance(leaf, Function):
            self._function(leaf, value, what)
        elif isinstance(leaf, Named):
            self._function(leaf.value, value, leaf.called)
        elif pattern.is_weighed:
            affine_map(self, pattern, value, what)
        else:
            self._polynomial(pattern, value, what)

    def _function(self, leaf: Function, value: Form, what: str) -> None:
        """A function; or its argument, if the unknown activation may be linear."""
        atom = value.function if leaf.argument.is_weighed else value.atom
        if isinstance(atom, Apply) and _computes(leaf, atom):
            self.bind(leaf.function, _NAMES[atom.function], what)
            self.value(leaf.argument, atom.arguments[0], what)
        elif isinstance(leaf.function, Unknown) and "NONE" in leaf.function.among:
            self.bind(leaf.function, "NONE", what)
            self.value(leaf.argument, value, what)
        else:
            raise self.fail(f"its {what} is {render(value)}, not {described(leaf)}")

    def _polynomial(self, pattern: Pattern, value: Form, what: str) -> None:
        terms = signed(value)
        generic = f"its {what} is {render(value)}, not {described(pattern)}"
        if value.bias.any():
            raise self.fail(f"its {what} has a constant added to it")
        if terms is None:
            raise self.fail(generic)
        why_not = self._why_not(pattern, terms) or generic
        self.first_of(self._ways(pattern, terms, what), why_not)

    def _ways(self, pattern: Pattern, terms: Sequence[Term], what: str) -> Iterator[Way]:
        """Every assignment of the pattern's leaves to factors."""
        for turned in subsets(turnable(pattern)):
            for found in assignments(expanded(pattern, turned), terms, self.may_be):

                def way(
                    trial: Attempt, found: Found = found, turned: frozenset[Leaf] = turned
                ) -> None:
                    for leaf, factor in found.items():
                        trial.leaf(leaf, factor, what, turned=leaf in turned)

                yield way

    def leaf(self, leaf: Leaf, factor: Factor, what: str, *, turned: bool = False) -> None:
        """A leaf is a factor. If turned, it is 1 - factor, or -factor for an odd function."""
        if isinstance(leaf, Read):
            return
        if leaf in self.factors:
            if self.factors[leaf] != (factor.key, turned):
                raise self.fail(f"its {what} is {render(of(factor))} in one place only")
            return
        self.factors[leaf] = factor.key, turned
        function, what = function_of(leaf), leaf.called if isinstance(leaf, Named) else what
        assert function is not None, "what a product holds"
        assert isinstance(factor, Apply), "what `_may_be` lets through"
        if turned and not is_sigmoid(leaf) and factor.function not in ODD:
            raise self.fail(f"its {what} is subtracted, and {factor.function.lower()} is not odd")
        argument = factor.arguments[0]
        self.bind(function.function, _NAMES[factor.function], what)
        self.value(function.argument, argument.scaled(_MINUS) if turned else argument, what)

    def may_be(self, leaf: Leaf, factor: Factor) -> bool:
        """Whether a leaf can be a factor, judged only by the outermost function."""
        if isinstance(leaf, Read):
            return isinstance(factor, Symbol) and factor.key == self.symbol(leaf).key
        function = function_of(leaf)
        if function is None or not isinstance(factor, Apply):
            return False
        if leaf in self.factors:
            return self.factors[leaf][0] == factor.key
        return _computes(function, factor) and self._reads(function, factor)

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

    def _why_not(self, pattern: Pattern, terms: Sequence[Term]) -> str:
        """What is wrong with one gate, if the rest of the sum matches."""
        if len(pattern.terms) != len(terms):
            return ""
        pairs = paired(pattern, terms, self.may_be)
        for (sign, leaves), (scale, factors) in sorted(
            pairs, key=lambda pair: reads_state(pair[0])
        ):
            states = [leaf for leaf in leaves if isinstance(leaf, Read)]
            others = [f for f in factors if not any(self.may_be(leaf, f) for leaf in states)]
            gates = [leaf for leaf in leaves if isinstance(leaf, Named)]
            if sign != scale or len(gates) + len(states) != len(leaves) or not gates:
                return ""
            if not others and len(gates) == 1:
                return f"its {gates[0].called} is 1, not {described(gates[0].value)}"
            if len(others) != len(gates):
                return ""
            for gate in gates:
                if not any(self.may_be(gate, f) for f in others):
                    shown = render(of(joined(others)))
                    if len(others) == 1:
                        return f"its {gate.called} is {shown}, not {described(gate.value)}"
                    return f"its {gate.called} is none of {shown}, {described(gate.value, 'no')}"
        return ""


def _same(a: Any, b: Any) -> bool:
    return a is b or bool(np.array_equal(a, b))


def _shown(value: Any) -> str:
    """An unknown that was found, in a sentence."""
    if isinstance(value, str):
        return "no activation" if value == "NONE" else value.lower()
    return f"{value:g}" if isinstance(value, float) else "other weights"


def _computes(leaf: Function, atom: Apply) -> bool:
    """Whether a function may be the outermost one of an atom."""
    name = _NAMES.get(atom.function)
    if name is None or atom.options:
        return False
    function = leaf.function
    return name in function.among if isinstance(function, Unknown) else name == function
