"""Linear maps between the columns of values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def digest(array: Array) -> str:
    """A short content digest, to compare matrices by value, in whatever precision they are kept."""
    data = np.ascontiguousarray(array, np.float64)
    return f"{data.shape}{hashlib.blake2b(data.data, digest_size=12).hexdigest()}"


def hashed(text: str) -> str:
    """A short name for a long one."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, eq=False)
class Map:
    """A linear map from an atom's columns to a form's.

    What is made of maps is made in float64. A matrix itself may be kept in float32, if its numbers
    are: large weights are those of the file, and not copied.

    Attributes:
        values: [in, out] for a matrix; [out] for an elementwise factor, which also takes an
            atom of width 1 to every column.
    """

    values: Array

    @property
    def diagonal(self) -> bool:
        """Whether it maps elementwise."""
        return self.values.ndim == 1

    @property
    def width(self) -> int:
        """The number of columns it maps to."""
        return int(self.values.shape[-1])

    def dense(self, width: int) -> Array:
        """The matrix [width, out] it is on an atom of `width`."""
        if not self.diagonal:
            return self.values
        return self.values[None, :] if width == 1 else np.diag(self.values)

    @cached_property
    def key(self) -> str:
        """Equal for equal maps."""
        return digest(self.values)

    def plus(self, other: Map, width: int) -> Map:
        """The sum of both maps, on an atom of `width`."""
        if self.diagonal and other.diagonal:
            return Map(self.values + other.values)
        return Map(np.add(self.dense(width), other.dense(width), dtype=np.float64))

    def scaled(self, factor: Array) -> Map:
        """This map followed by an elementwise `factor` [out]."""
        return Map(self.values * factor)

    def then(self, matrix: Array, width: int) -> Map:
        """This map, on an atom of `width`, followed by `matrix` [out, new]."""
        if self.is_identity and width == len(matrix):
            return Map(matrix)
        if self.diagonal and width > 1:
            return Map(self.values[:, None] * matrix)
        return Map(np.matmul(self.dense(width), matrix, dtype=np.float64))

    @property
    def is_identity(self) -> bool:
        """Whether it passes its atom on unchanged."""
        return self.diagonal and bool(np.all(self.values == 1.0))


def simplest(linear: Map) -> Map:
    """A matrix that is diagonal as a diagonal: what a concatenation joined and a slice parted."""
    values = linear.values
    if linear.diagonal or values.shape[0] != values.shape[1]:
        return linear
    diagonal = np.diagonal(values)
    return (
        Map(diagonal.copy()) if np.count_nonzero(values) == np.count_nonzero(diagonal) else linear
    )
