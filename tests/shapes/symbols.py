"""Random linear forms over symbols, and the numbers that they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from rnnlite_pipeline.shapes.linear import Counter, Linear, Quotient

#: What the symbols of random forms stand for.
SIZES: Mapping[str, int] = {"B": 5, "T": 12, Counter(0): 3}


@st.composite
def linears(draw: st.DrawFn, names: tuple[str, ...] = tuple(SIZES)) -> Linear:
    """A sum of a number and of small multiples of symbols."""
    total = Linear(draw(st.integers(-6, 6)))
    for name in names:
        total = total + Linear.symbol(name) * draw(st.sampled_from([0, 0, 1, -1, 2, 6]))
    return total


def number(form: Linear, sizes: Mapping[str, int] = SIZES) -> int:
    """The number that a form is; a product of symbols has their names joined by a star."""
    return form.constant + sum(_symbol(name, sizes) * factor for name, factor in form.factors)


def _symbol(name: str, sizes: Mapping[str, int]) -> int:
    if isinstance(name, Quotient):
        return _symbol(name.base, sizes) // name.divisor
    return int(np.prod([sizes[part] for part in name.split("*")]))
