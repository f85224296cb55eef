"""Where a difference of two sets of results means something.

A difference means something only where the reference's own results are firm: finite, and hardly
moved by roundings of its inputs and weights. Where a recurrence is chaotic or overflows, any two
right implementations are as far apart as a right and a wrong one.

Rules:
    1. A part of an output is firm where all of it is finite, and `ROUNDINGS` roundings of every
       input and weight move it by less than `FIRM` of its scale.
    2. The parts are the whole output, if that is firm; else its slices along one axis: a chaotic
       sequence is firm in its first steps, and some batch entries are where others are not. Along
       the last axis it is not cut: what overflows in one unit reaches the others.
    3. In a firm part, results may differ by `TOLERANCE` of its scale, or by as much as
       `ROUNDINGS` roundings move it. Integers and booleans that roundings do not move are equal.
    4. A part that is 0 throughout has no scale, and roundings of inputs and weights need not move
       it: 0.5 + 0.5 tanh(x / 2) is 0 where sigmoid(x) is 2e-9. It may be as large as `ROUNDINGS`
       roundings of the number 1, of which it is a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.compare.distance import SMALLEST_SCALE, Array, relative

#: How far old and new may differ, as a part of the output's largest magnitude.
TOLERANCE = 1e-5

#: How many times as far as one rounding of every input and weight moves the old graph's outputs
#: the new one's may be. A sum of n products that is made in another order is off by some sqrt(n)
#: roundings (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2): 64 for
#: the 4,096 products of a wide layer.
ROUNDINGS = 64.0

#: Rule 4: half of the last bit of 1, in float32, as `relative` measures what has no scale.
_OF_ONE = 2.0**-24 / SMALLEST_SCALE

#: As a part of its scale, what `ROUNDINGS` roundings may move a result by that is evidence.
FIRM = 1e-2

#: Where an output is as large, something overflowed on the way: its square is no float32.
LARGEST = 1.8e19

#: A slice of an output needs as many numbers: a few may stay where they are by chance.
MANY = 3


@dataclass(frozen=True)
class Part:
    """A firm part of an output.

    Attributes:
        where: Its index.
        limit: How far another result may be from it, as a part of its scale.
    """

    where: tuple[slice | int, ...]
    limit: float


def firm_parts(reference: Array, moved: Sequence[Array]) -> list[Part]:
    """The parts of an output in which a difference means something; empty where none does.

    Args:
        reference: The output.
        moved: The same output, after one rounding of every input and weight; several samples.
    """
    whole = _part(reference, moved, ())
    if whole is not None:
        return [whole]
    best: list[Part] = []
    share = 0.0
    for axis, length in enumerate(reference.shape[:-1]):
        if reference.size < MANY * length or length < 2:
            continue
        before: tuple[slice | int, ...] = (slice(None),) * axis
        found = (_part(reference, moved, (*before, place)) for place in range(length))
        firm = [part for part in found if part is not None]
        if len(firm) / length > share:
            best, share = firm, len(firm) / length
    return best


def beyond(reference: Array, result: Array, parts: Sequence[Part]) -> float:
    """The largest difference in firm parts, relative to their scale; 0 within their limits.

    Infinite where the shapes differ, or the result is not finite.
    """
    if reference.shape != result.shape:
        return float("inf")
    found = ((relative(reference[p.where], result[p.where]), p.limit) for p in parts)
    return max((d for d, limit in found if not d <= limit), default=0.0)


def is_too_large(array: Array) -> bool:
    """Whether a number is not finite, or so large that something overflowed on the way."""
    return array.dtype.kind == "f" and array.size > 0 and not np.abs(array).max() < LARGEST


def _part(reference: Array, moved: Sequence[Array], where: tuple[slice | int, ...]) -> Part | None:
    """One part, if it is firm."""
    a = reference[where]
    if is_too_large(a):
        return None
    explained = ROUNDINGS * max(
        relative(a, m[where]) if m.shape == reference.shape else float("inf") for m in moved
    )
    if a.dtype.kind in "fc" and not (a.any() or explained):
        return Part(where, ROUNDINGS * _OF_ONE)
    tolerance = TOLERANCE if a.dtype.kind in "fc" else 0.0
    return Part(where, max(tolerance, explained)) if explained < FIRM else None
