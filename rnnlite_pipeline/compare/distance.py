"""How far two results are apart, and how far they may be, in one definition.

Rules:
    1. The error of an output is max |converted - source| over all of its values in a case.
    2. Its limit is max_abs_error * scale, where scale = max(1, max |source|): absolute for outputs
       of the order of 1, as probabilities are, and relative for larger ones, whose last bit is
       worth more. It is never below the max_abs_error that the config states.
    3. On extreme input alone, `ROUNDINGS` times what the source's own output moves by when its
       input moves by one rounding is added: a steep model amplifies the rounding of any two
       implementations, and its source is no more exact than that.
    4. Integers and booleans must be equal. NaN and infinities must be where the source has them.
    5. Where only the form of an answer matters, its error is taken as a part of its own largest
       magnitude (`relative`), and a value that is not finite says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]

#: The roundings of the input that the two implementations may be apart by, on extreme input.
ROUNDINGS = 8

#: Answers smaller than this are compared as if they were this large, where that is relative.
SMALLEST_SCALE = 1e-12


@dataclass(frozen=True)
class Difference:
    """How far an output is from the source's.

    Attributes:
        error: Rule 1; infinite where shapes, dtypes, NaN or infinities differ.
        scale: Rule 2; 0 for integers and booleans, which have no tolerance.
        what: What differs other than a number, in words; empty else.
    """

    error: float
    scale: float
    what: str = ""

    def limit(self, max_abs_error: float, rounding: float = 0.0) -> float:
        """Rules 2 and 3; `rounding` is what one rounding of the input does to the source."""
        return (max_abs_error * self.scale + ROUNDINGS * rounding) if self.scale else 0.0

    def within(self, max_abs_error: float) -> bool:
        """Whether it passes rule 2."""
        return self.error <= self.limit(max_abs_error)

    def __or__(self, other: Difference) -> Difference:
        """The worse of the errors, and the larger of the scales."""
        return Difference(
            max(self.error, other.error), max(self.scale, other.scale), self.what or other.what
        )


def compare(source: Array, converted: Array) -> Difference:
    """The difference of one output of one call.

    Args:
        source: The source framework's output.
        converted: The converted model's, of the same shape and dtype.
    """
    exact = source.dtype.kind != "f"
    scale = 0.0 if exact else 1.0
    if source.shape != converted.shape:
        return Difference(
            math.inf, scale, f"shape {list(converted.shape)} instead of {list(source.shape)}"
        )
    if exact != (converted.dtype.kind != "f"):
        return Difference(math.inf, scale, f"dtype {converted.dtype} instead of {source.dtype}")
    expected, actual = source.astype(np.float64), converted.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return Difference(math.inf, scale, "NaN or infinite values differ from the source's")
    error = np.abs(expected[finite] - actual[finite])
    if not np.isfinite(error).all():
        return Difference(math.inf, scale, "NaN or infinite where the source is finite")
    largest = float(np.abs(expected[finite]).max(initial=0.0))
    return Difference(float(error.max(initial=0.0)), scale and max(1.0, largest))


def identical(first: Array, second: Array) -> bool:
    """Whether two arrays are the same bit for bit (NaN equals itself)."""
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and first.tobytes() == second.tobytes()
    )


def relative(reference: Array, result: Array) -> float:
    """Rule 5, of two arrays of one shape; infinite where one is not finite."""
    if not reference.size:
        return 0.0
    if not (_finite(reference) and _finite(result)):
        return math.inf
    a, b = _wide(reference), _wide(result)
    return float(np.abs(a - b).max()) / max(SMALLEST_SCALE, float(np.abs(a).max()))


def _wide(array: Array) -> Array:
    """The numbers in float64; complex ones keep their imaginary part."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _finite(array: Array) -> bool:
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
