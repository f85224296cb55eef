"""Unification: the unknowns for which a cell's step is what a loop computes.

A cell's step with unknown weights (`algebra/patterns.py`) and the equations of a loop's states
(`algebra/forms.py`) are both sums of products. They are made equal from the outside in:

1. A clip, an activation and a projection that may be left out are taken off where they stand.
2. A sum of products is matched term by term, factor by factor, in every way there is; a named
   quantity stands for one factor (products.py). Where the step also reads 1 - f, the sigmoid f may
   be spelled 1 - sigmoid(-z): both are tried.
3. An affine map is split by what it reads: the input, states, and products such as r * h
   (affine_maps.py). Layer norms are found by numbers (layer_norm.py).

An attempt that fails says why. Of several, the one that found most is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import permutations
from typing import Any, TypeAlias

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Factor
from rnnlite_pipeline.algebra.forms import Form, of
from rnnlite_pipeline.algebra.functions import ODD
from rnnlite_pipeline.algebra.patterns import Clipped, Function, Leaf, Named, Pattern, Read, Unknown
from rnnlite_pipeline.algebra.text import described, render
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import patterns_of
from rnnlite_pipeline.recognise.cells.affine_maps import affine_map
from rnnlite_pipeline.recognise.cells.attempt import (
    NAMES,
    Attempt,
    Mismatch,
    Way,
    computes,
    furthest,
)
from rnnlite_pipeline.recognise.cells.gates import Inputs, clipped
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
from rnnlite_pipeline.recognise.loop.loop import Loop, State, Unrecognised
from rnnlite_pipeline.recognise.loop.systems import System

_MINUS = np.array([-1.0])

#: A cell, its states in the cell's order, and what it reads from outside.
Unified: TypeAlias = tuple[NamedCell, tuple[State, ...], Inputs]


def unify(kind: type[NamedCell], loop: Loop, system: System) -> Unified:
    """The system as a cell of one kind.

    Raises:
        Unrecognised: It is none; the message names the part that differs.
    """
    if len(kind.letters) != len(system.states):
        raise Unrecognised(f"it carries {len(system.states)} states that depend on each other")
    problems: list[Mismatch] = []
    for states in permutations(system.states):
        for template in kind.unknown():
            try:
                return _read(_Unification(template, states, Inputs(loop, system)))
            except Mismatch as problem:
                problems.append(problem)
    raise furthest(problems)


class _Unification(Attempt):
    """An attempt that matches patterns and forms from the outside in."""

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
        if isinstance(atom, Apply) and computes(leaf, atom):
            self.bind(leaf.function, NAMES[atom.function], what)
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
        self.bind(function.function, NAMES[factor.function], what)
        self.value(function.argument, argument.scaled(_MINUS) if turned else argument, what)

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


def _read(attempt: Attempt) -> Unified:
    """The cell.

    Raises:
        Mismatch: The equations are not the template's.
    """
    letters = attempt.cell.letters
    later = {state.after.key for state in attempt.states}
    for k, pattern, called in patterns_of(attempt.cell):
        equation = attempt.states[k].equation
        if any(symbol.key in later for symbol in equation.symbols()):
            raise Mismatch(f"its {called} reads a new state that comes after it", -1)
        later.remove(attempt.states[k].after.key)
        try:
            attempt.value(pattern, equation, called)
        except Mismatch as problem:
            if str(problem) != _nonlinear(called):
                raise
            raise attempt.fail(f"its {called} is {letters[k]}' = {render(equation)}") from None
    cell = _filled(attempt.cell, attempt.weights, attempt.inputs.features).completed()
    if cell.states != tuple(state.stop - state.start for state in attempt.states):
        raise attempt.fail("its states are of other widths than its gates")
    return cell, attempt.states, attempt.inputs


def _nonlinear(what: str) -> str:
    """What `affine` says of what it cannot part."""
    return f"its {what} reads a nonlinear function of the state"


def _filled(template: Any, weights: Mapping[Unknown, Any], features: int) -> Any:
    """The template with what each of its unknowns is; what was not asked for is left out."""
    found: dict[str, Any] = {}
    for each in fields(template):
        value = getattr(template, each.name)
        if isinstance(value, Unknown):
            known = weights.get(value)
            if known is None and not value.optional:
                raise ValueError(f"the step of {type(template).__name__} never reads {each.name}")
            found[each.name] = known(features) if callable(known) else known
        elif is_dataclass(value):
            found[each.name] = _filled(value, weights, features)
    return replace(template, **found)
