"""Forms of one step, written by functions of forms.

The type itself, and what can be done with it, is in `atoms.py`: a form is made of atoms, and a
function that is an atom is one of forms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rnnlite_pipeline.algebra.atoms import (
    MAX_TERMS,
    REDUCTIONS,
    Apply,
    Form,
    Options,
    Symbol,
    broadcast,
    constant,
    form,
    of,
    widened,
)
from rnnlite_pipeline.algebra.functions import FUNCTIONS
from rnnlite_pipeline.algebra.maps import Map

__all__ = [
    "MAX_TERMS",
    "Form",
    "apply",
    "broadcast",
    "concatenated",
    "constant",
    "form",
    "of",
    "symbol",
    "widened",
]


def symbol(name: str, width: int) -> Form:
    """The form that is a whole new symbol."""
    return of(Symbol(name, 0, width))


def apply(function: str, *arguments: Form, options: Options = ()) -> Form:
    """`function` of the arguments, broadcast to one width; a reduction has width 1.

    A function written out by others reads as itself: 1/(1 + exp(-z)) as sigmoid(z), max(z, 0) as
    relu(z), min(relu(z), 6) as relu6(z).
    """
    width = max(a.width for a in arguments)
    if all(a.is_constant for a in arguments) and function in FUNCTIONS:
        wide = (widened(a, width).bias[None, :] for a in arguments)
        values = FUNCTIONS[function](*wide, **dict(options))
        return constant(np.asarray(values, np.float64))
    if function in _IDENTITIES:
        known = _IDENTITIES[function](*arguments)
        if known is not None:
            return known
    if function in REDUCTIONS and function not in ("SOFTMAX", "L2_NORMALIZATION"):
        width = 1
    return of(Apply(function, arguments, width, options))


def concatenated(parts: Sequence[Form]) -> Form:
    """The parts side by side, as one form over the same atoms."""
    width = sum(p.width for p in parts)
    offset, terms, bias = 0, [], np.zeros(width)
    for part in parts:
        bias[offset : offset + part.width] = part.bias
        for atom, linear in part.terms.values():
            placed = np.zeros((atom.width, width))
            placed[:, offset : offset + part.width] = linear.dense(atom.width)
            terms.append((atom, Map(placed)))
        offset += part.width
    return form(terms, bias)


def _quotient(a: Form, b: Form) -> Form | None:
    """a / (1 + exp(-z)) as a * sigmoid(z)."""
    if len(b.terms) != 1 or not np.all(b.bias == 1.0):
        return None
    ((atom, linear),) = b.terms.values()
    is_exp = isinstance(atom, Apply) and atom.function == "EXP" and atom.width == b.width
    if not (is_exp and linear.is_identity):
        return None
    assert isinstance(atom, Apply), "an EXP is applied"
    return a * apply("LOGISTIC", atom.arguments[0].scaled(np.array([-1.0])))


def _maximum(a: Form, b: Form) -> Form | None:
    """max(z, 0) as relu(z)."""
    for one, other in ((a, b), (b, a)):
        if one.is_constant and not one.bias.any():
            return apply("RELU", widened(other, one.width))
    return None


def _minimum(a: Form, b: Form) -> Form | None:
    """min(relu(z), 6) as relu6(z)."""
    for one, other in ((a, b), (b, a)):
        atom = other.atom
        is_relu = isinstance(atom, Apply) and atom.function == "RELU"
        if one.is_constant and np.all(one.bias == 6.0) and is_relu:
            assert isinstance(atom, Apply), "a RELU is applied"
            return apply("RELU6", widened(atom.arguments[0], one.width))
    return None


_IDENTITIES: dict[str, Callable[[Form, Form], Form | None]] = {
    "DIV": _quotient,
    "MAXIMUM": _maximum,
    "MINIMUM": _minimum,
}
