"""The usual names for the parts of a cell that is given only by its equations.

A GRU has an update gate z, a reset gate r and a candidate h̃; an LSTM has the gates i, f and o and
the candidate g. They are told apart by their place in the update of a state, not by the order of
their weights:

1. `h′ = z ⊙ h + h̃ − z ⊙ h̃`, or the same with z and 1 − z exchanged. Inside the candidate, the
   function that multiplies the old state, or a product with it, is r.
2. `c′ = f ⊙ c + i ⊙ g` and `h′ = o ⊙ φ(c′)`. Of i and g, the logistic one is i.
3. A SELECT around an update takes the mask m of the step.
4. A gate may be relu6(...) / 6, the hard sigmoid: the sixth belongs to the gate.

A state that no step reads is what the cell puts out: y.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.symbols import INPUT, after, before

#: Functions from 0 to 1, or to 6 (rule 4).
_SIGMOIDS = ("LOGISTIC", "RELU_0_TO_1", "RELU6")
_HARD, _SIXTH = "RELU6", 1 / 6


@dataclass(frozen=True)
class Names:
    """What the parts of a cell are called.

    Attributes:
        states: The name of each state.
        functions: The names of functions of the step, by the key of their atom.
        scales: Rule 4: what a function is multiplied by to be what its name says.
        mask: How many columns in front of the input are the mask of the step.
    """

    states: tuple[str, ...]
    functions: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    mask: int = 0


def field_names(updates: Sequence[Form]) -> Names:
    """The names of a cell's parts, as far as its equations tell; h and s_1, s_2, ... else.

    Args:
        updates: The new value of each state.
    """
    cores = [_core(update) for update in updates]
    count = len(cores)
    read = {symbol.name for core in cores for symbol in core.symbols()}
    recurring = [k for k in range(count) if {before(k), after(k)} & read]
    states, functions = _gru(cores, recurring) or _lstm(cores, recurring) or ({}, {})
    states |= {k: "y" for k in range(count) if k not in recurring} if states else {}
    if sorted(states) != list(range(count)) or len(set(states.values())) < count:
        states, functions = {k: f"s_{k}" if k else "h" for k in range(count)}, {}
    masks = {m.key: m for update in updates if (m := _mask(update)) is not None}
    width = max((s.stop for m in masks.values() for s in m.symbols()), default=0)
    columns = (s.start for core in cores for s in core.symbols() if s.name == INPUT)
    if any(start < width for start in columns):  # the mask is computed from the features
        masks, width = {}, 0
    hard = {f.key for core in cores for f in _functions(core) if f.function == _HARD}
    return Names(
        tuple(states[k] for k in range(count)),
        functions | dict.fromkeys(masks, "m"),
        dict.fromkeys(hard & {*functions}, _SIXTH),
        width,
    )


def _functions(form: Form) -> Iterator[Apply]:
    """Every function in a form, at any depth."""
    for atom, _ in form.terms.values():
        for factor in atom.factors if isinstance(atom, Product) else (atom,):
            if isinstance(factor, Apply):
                yield factor
                for argument in factor.arguments:
                    yield from _functions(argument)


def _gru(cores: list[Form], recurring: list[int]) -> tuple[dict[int, str], dict[str, str]] | None:
    """Rule 1, for a cell of one state."""
    for k in recurring if len(recurring) == 1 else ():
        found = _interpolation(cores[k], before(k))
        if found is None:
            return None
        z, candidate = found
        reset = {f.key: "r" for f in _resets(candidate, before(k)) if f.key != z.key}
        if isinstance(candidate, Apply) and len(reset) <= 1:
            return {k: "h"}, {z.key: "z", candidate.key: "h̃"} | reset
    return None


def _interpolation(update: Form, state: str) -> tuple[Apply, Factor] | None:
    """z and the other value, where the update is between the state and it."""
    alone, paired = _terms(update)
    minus = [atom for atom, linear in update.terms.values() if linear.values.ravel()[0] < 0]
    signed = len(minus) == 1 and isinstance(minus[0], Product)
    if len(alone) != 1 or len(paired) != 2 or not signed:
        return None
    with_state = [other for pair in paired for other in _beside(pair, state)]
    gates = [each for each in with_state if isinstance(each, Apply)]
    if len(gates) != 1:
        return None
    rest = [f for pair in paired for f in pair if f.key != gates[0].key]
    others = [f for f in (*alone, *rest) if not (isinstance(f, Symbol) and f.name == state)]
    return (gates[0], others[0]) if len({f.key for f in others}) == 1 else None


def _resets(candidate: Factor, state: str) -> Iterator[Apply]:
    """The functions that multiply a state, or a linear function of it, inside the candidate."""
    for argument in candidate.arguments if isinstance(candidate, Apply) else ():
        for atom, _ in argument.terms.values():
            factors = atom.factors if isinstance(atom, Product) else ()
            linear = [f for f in factors if _is_linear_in(f, state)]
            if len(factors) == 2 and len(linear) == 1:
                yield from (f for f in factors if isinstance(f, Apply) and f is not linear[0])


def _is_linear_in(factor: Factor, state: str) -> bool:
    if isinstance(factor, Symbol):
        return factor.name == state
    return factor.function == "LINEAR" and {s.name for s in factor.symbols()} == {state}


def _lstm(cores: list[Form], recurring: list[int]) -> tuple[dict[int, str], dict[str, str]] | None:
    """Rule 2, for a cell of two states."""
    for c in recurring if len(recurring) == 2 else ():
        (h,) = (k for k in recurring if k != c)
        names = _cell_state(cores[c], before(c)) | _output(cores[h], cores[c], after(c))
        if {"f", "g", "o"} <= set(names.values()):
            return {c: "c", h: "h"}, names
    return None


def _cell_state(update: Form, state: str) -> dict[str, str]:
    alone, paired = _terms(update)
    kept = [pair for pair in paired if list(_beside(pair, state))]
    new = [pair for pair in paired if pair not in kept]
    if alone or len(kept) != 1 or len(new) != 1:
        return {}
    (forget,) = _beside(kept[0], state)
    gate, candidate = sorted(new[0], key=lambda f: getattr(f, "function", "") not in _SIGMOIDS)
    return {forget.key: "f", gate.key: "i", candidate.key: "g"}


def _output(update: Form, cell_update: Form, new_state: str) -> dict[str, str]:
    _, paired = _terms(update)
    if len(paired) != 1 or len(update.terms) != 1:
        return {}
    for one, two in (paired[0], paired[0][::-1]):
        if not isinstance(one, Apply):
            continue
        of_new = {s.name for s in one.symbols()} == {new_state}
        if of_new or (len(one.arguments) == 1 and one.arguments[0].key == cell_update.key):
            return {two.key: "o"}
    return {}


def _terms(update: Form) -> tuple[list[Factor], list[tuple[Factor, ...]]]:
    """The terms that are one factor, and those that are a product of two; none if it is more."""
    alone: list[Factor] = []
    paired: list[tuple[Factor, ...]] = []
    for atom, linear in update.terms.values():
        factors = atom.factors if isinstance(atom, Product) else (atom,)
        scale = math.prod(_SIXTH for f in factors if getattr(f, "function", "") == _HARD)
        if not linear.diagonal or not np.allclose(abs(linear.values), scale, rtol=1e-5):
            return [], []
        if isinstance(atom, Product):
            if len(atom.factors) != 2:
                return [], []
            paired.append(atom.factors)
        else:
            alone.append(atom)
    return alone, paired


def _beside(pair: tuple[Factor, ...], state: str) -> Iterator[Factor]:
    """The factor that a state is multiplied by."""
    for one, two in (pair, pair[::-1]):
        if isinstance(one, Symbol) and one.name == state:
            yield two


def _core(update: Form) -> Form:
    """Rule 3: the update without its mask."""
    atom = update.atom
    return atom.arguments[1] if _mask(update) is not None and isinstance(atom, Apply) else update


def _mask(update: Form) -> Apply | None:
    """The condition of a SELECT around an update, where it is one of the step's input alone."""
    atom: Atom | None = update.atom
    if not isinstance(atom, Apply) or atom.function not in ("SELECT", "SELECT_V2"):
        return None
    condition = atom.arguments[0].atom
    names = {s.name for s in condition.symbols()} if condition is not None else set()
    return condition if isinstance(condition, Apply) and names == {INPUT} else None
