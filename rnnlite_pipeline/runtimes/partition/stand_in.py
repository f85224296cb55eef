"""A stand-in for an op that nobody here can run.

Two models that hold such an op are compared as if it were some other function: where they agree
for a function that depends on every element of its operands, they hand the op the same operands
and use its results alike, whatever it computes. What the op itself does is not verified.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Op, Tensor
from rnnlite_pipeline.runtimes.partition.piece import Array


def stand_in(op: Op, operands: Sequence[Array]) -> list[Array]:
    """Results of the op's shapes and dtypes: y_j = sin(j + k), k = sum_i x_i cos(i) / sqrt(n).

    It is smooth, so that rounding stays rounding. Integers are 0 and 1 whatever the operands:
    there is no smooth function of these.

    Args:
        op: The op.
        operands: The values of its inputs, in their order.

    Raises:
        StageError: A result's shape is not known, or it is of no plain numbers.
    """
    phase = 0.0
    for array in operands:
        x = _numbers(array)
        phase += float(x @ np.cos(np.arange(x.size))) / max(1.0, np.sqrt(x.size))
    results = []
    for tensor in op.outputs:
        if tensor.dtype not in NUMPY:
            raise StageError(f"{op.code} cannot be run here, and {tensor.name} is no plain number.")
        shape, dtype = _shape(op, tensor, operands), NUMPY[tensor.dtype]
        index = np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)
        results.append((np.sin(index + phase) if dtype.kind == "f" else index % 2).astype(dtype))
    return results


def _numbers(array: Array) -> NDArray[np.float64]:
    """An operand as a row: a complex number counts as two, texts as their characters."""
    x = np.ravel(array)
    if x.dtype.kind == "c":
        x = x.view(x.real.dtype)
    elif x.dtype.kind not in "fiub":
        x = np.frombuffer(repr(x.tolist()).encode(), np.uint8)
    return x.astype(np.float64)


def _shape(op: Op, tensor: Tensor, operands: Sequence[Array]) -> list[int]:
    """The result's shape; an open dimension is that of the first operand that has the axis."""
    shape = []
    for axis, length in enumerate(tensor.shape or ()):
        found = [a.shape[axis] for a in operands if a.ndim > axis]
        if length == OPEN and not found:
            raise StageError(
                f"{op.code} cannot be run here, and the shape of {tensor.name} is open.",
                "Close it in the source model.",
            )
        shape.append(found[0] if length == OPEN else length)
    return shape
