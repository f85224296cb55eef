"""Unification: the unknowns for which a cell's step is what a loop computes.

A cell's step with unknown weights (`algebra/patterns.py`) and the equations of a loop's states
(`algebra/forms.py`) are both sums of products. They are made equal from the outside in:

1. A clip, an activation and a projection that may be left out are taken off where they stand.
2. A sum of products is matched term by term, factor by factor, in every way there is; a named
   quantity stands for one factor (products.py). Where the step also reads 1 - f, the sigmoid f may
   be spelled 1 - sigmoid(-z): both are tried.
3. An affine map is parted by what it reads: the input, states, and products such as r * h
   (affine_maps.py). Layer norms are found by numbers (layer_norm.py).

What fails says why; of several attempts, the one that came furthest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import permutations
from typing import Any, TypeAlias

from rnnlite_pipeline.algebra.patterns import Unknown
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.named import NamedCell
from rnnlite_pipeline.cells.registry import patterns_of
from rnnlite_pipeline.recognise.cells.attempt import Attempt, Mismatch, furthest
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.loop.loop import Loop, State, Unrecognised
from rnnlite_pipeline.recognise.loop.systems import System

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
                return _read(Attempt(template, states, Inputs(loop, system)))
            except Mismatch as problem:
                problems.append(problem)
    raise furthest(problems)


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
