"""What roundings do to a model's results: the model run with every number off by its last bit.

A layer that rounds otherwise is one that computes exactly with weights and inputs a little off
(Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.5): so roundings inside a
model, layer after layer, are seen as well.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rnnlite_pipeline.compare.distance import Array, Arrays
from rnnlite_pipeline.graph.ir import Model, Tensor

#: How often it is measured: which of the roundings go up and which down is left to chance.
SAMPLES = 2

#: As many numbers of a file are rounded at a time.
CHUNK = 2**20


def rounded_weights(model: Model, seed: int, *, exact: bool = False) -> Model:
    """The model with every float weight off by one rounding; what is no weight is shared.

    Args:
        model: It is not changed.
        seed: Which weights go up, and which down.
        exact: Whether whole numbers stay.
    """
    moved, random = copy.deepcopy(model), np.random.default_rng(seed)
    for tensor in float_constants(moved):
        array = tensor.array
        if array is not None:
            tensor.hold(_off_by_one(array, random, exact))
    return moved


def rounded_file(
    file: io.BytesIO, places: Sequence[slice], seed: int, *, exact: bool = False
) -> bytes:
    """A .tflite file with every float32 number at these places off by one rounding.

    Args:
        file: Holds the file's bytes; changed in place. It copies them first only if someone else
            has them as well.
        places: Where the numbers are.
        seed: Which of them go up, and which down.
        exact: Whether whole numbers stay.
    """
    random = np.random.default_rng(seed)
    with file.getbuffer() as moved:
        for place in places:
            _round(moved[place], random, exact)
    return file.getvalue()


def _round(part: memoryview, random: np.random.Generator, exact: bool) -> None:
    """Rounds float32 numbers in place, `CHUNK` at a time."""
    numbers = np.frombuffer(part, np.float32)
    for start in range(0, len(numbers), CHUNK):
        some = numbers[start : start + CHUNK]
        some[:] = _off_by_one(some, random, exact)


def rounded(arrays: Mapping[str, Array], seed: int) -> Arrays:
    """The arrays with each float off by one rounding."""
    random = np.random.default_rng(seed)
    return {n: _off_by_one(a, random) if a.dtype.kind == "f" else a for n, a in arrays.items()}


def float_constants(model: Model) -> Iterator[Tensor]:
    """Every float32 constant that an op reads, once."""
    constants = {id(t): t for op in model.ops() for t in op.inputs if t is not None}
    yield from (t for t in constants.values() if t.data is not None and t.dtype == "FLOAT32")


def _off_by_one(array: Array, random: np.random.Generator, exact: bool = False) -> Array:
    """Each number off by one in its last place, up or down at random; zeros stay.

    Whole numbers stay too where that is asked for.

    The next float away from zero, or towards it, is the next integer of the same bits.
    """
    bits = np.array(array, copy=True).view(f"<i{array.dtype.itemsize}")
    steps = random.integers(0, 2, array.shape, np.int8) * np.int8(2) - np.int8(1)
    finite = np.isfinite(array) & (array != 0)
    if exact:
        finite &= array != np.rint(array)
    bits += np.where(finite, steps, np.int8(0))
    return bits.view(array.dtype)
