"""What a framework itself reaches with its weights in fewer bits: no conversion can do more.

A recurrence that amplifies what it is given has few dB with weights of 8 bits in any framework. So
a quantized model is asked for what its source has once the source's own weights are rounded:

1. To int8, symmetric, as weights are stored: by one scale for a tensor, and again by one for each
   output channel, which is the last axis in TensorFlow. A converted model has some of both kinds,
   and another split of the gates. Biases are not rounded.
2. To float16: all weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Rounding: TypeAlias = Callable[[Array], Array]

LEVELS = 127


def by_tensor(weight: Array) -> Array:
    """A weight in int8 with one scale; a bias as it is."""
    return weight if weight.ndim < 2 else _to_int8(weight, np.abs(weight).max(keepdims=True))


def by_channel(weight: Array) -> Array:
    """A weight in int8 with one scale for each index of the last axis; a bias as it is."""
    others = tuple(range(weight.ndim - 1))
    return (
        weight if weight.ndim < 2 else _to_int8(weight, np.abs(weight).max(others, keepdims=True))
    )


def to_half(weight: Array) -> Array:
    """A weight in float16."""
    return weight.astype(np.float16).astype(weight.dtype)


#: By scheme; a float model is not rounded.
ROUNDINGS: dict[str, tuple[Rounding, ...]] = {
    "none": (),
    "float16": (to_half,),
    "dynamic_range": (by_tensor, by_channel),
    "int8": (by_tensor, by_channel),
    "int16x8": (by_tensor, by_channel),
}


@contextmanager
def rounded(variables: Sequence[Any], rounding: Rounding) -> Iterator[None]:
    """The variables of a source have rounded values until the end.

    Args:
        variables: TensorFlow's or Keras' variables.
        rounding: One of `ROUNDINGS`.
    """
    before = [np.asarray(v) for v in variables]
    try:
        for variable, value in zip(variables, before, strict=True):
            if value.dtype.kind == "f":
                variable.assign(rounding(value))
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _to_int8(weight: Array, largest: Array) -> Array:
    scale = np.where(largest > 0, largest, 1.0) / LEVELS
    return np.asarray(np.rint(weight / scale) * scale, weight.dtype)
