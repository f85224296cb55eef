"""Layer normalization inside a gate: (z - mean z) / sqrt(variance z + epsilon) * scale + bias.

However it is spelled, such a form is affine, column by column, in the normalized z, for a z
whose mean it takes. That is tested with numbers: rows of many sizes, down to where epsilon tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Product
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.numbers import LAYER_NORM_EPSILON
from rnnlite_pipeline.cells.equations import evaluate

Array = NDArray[Any]

#: Sizes of the rows that a form is tested on: epsilon (1e-8) is seen from 1e-3 down.
SIZES = np.array([3.0, 1.0, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4])

#: How exact the test is, in float64.
EXACT = 1e-9


def normalization(form: Form) -> tuple[Form, Array, Array] | None:
    """(z, scale [U], bias [U]) of a normalized gate with the runtime's epsilon, or None."""
    for z in _averaged(form):
        if z.width == form.width and z.width > 1:
            found = _fitted(form, z)
            if found is not None:
                return z, *found
    return None


def _averaged(form: Form) -> Iterator[Form]:
    """What the form takes the mean of, outermost first."""
    for atom, _ in form.terms.values():
        yield from _averaged_in(atom)


def _averaged_in(atom: Atom) -> Iterator[Form]:
    if isinstance(atom, Product):
        for factor in atom.factors:
            yield from _averaged_in(factor)
    elif isinstance(atom, Apply):
        if atom.function == "MEAN":
            yield atom.arguments[0]
        for argument in atom.arguments:
            yield from _averaged(argument)


def _fitted(form: Form, z: Form) -> tuple[Array, Array] | None:
    """The scale and bias for which form = normalized(z) * scale + bias; None if there are none."""
    values = _values(form)
    raw = evaluate(z, values)
    deviation = raw - raw.mean(axis=1, keepdims=True)
    variance = np.mean(deviation**2, axis=1, keepdims=True)
    normal = deviation / np.sqrt(variance + LAYER_NORM_EPSILON)
    wanted = evaluate(form, values)
    center, middle = normal.mean(axis=0), wanted.mean(axis=0)
    spread = np.mean((normal - center) ** 2, axis=0)
    if not np.all(spread > 0):
        return None
    scale = np.mean((normal - center) * (wanted - middle), axis=0) / spread
    bias = middle - scale * center
    rest = np.abs(normal * scale + bias - wanted).max()
    return (scale, bias) if rest <= EXACT * max(1.0, float(np.abs(wanted).max())) else None


def _values(form: Form) -> dict[str, Array]:
    """Random numbers for every symbol, a row for each of `SIZES`."""
    random = np.random.default_rng(0)
    widths: dict[str, int] = {}
    for symbol in form.symbols():
        widths[symbol.name] = max(widths.get(symbol.name, 0), symbol.stop)
    return {
        name: random.normal(size=(len(SIZES), width)) * SIZES[:, None]
        for name, width in sorted(widths.items())
    }
