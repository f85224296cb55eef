"""Dropout that drops nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.edit import producers, prune
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import Producers, bypass, each_until_settled
from rnnlite_pipeline.shapes.extents import Extents

Array = NDArray[Any]

#: The largest number that RANDOM_UNIFORM draws: it fills the 23 bits of a float32's fraction
#: (LiteRT tflite/kernels/random_ops.cc, TensorFlow lib/random/random_distributions.h).
LARGEST = np.float32(1.0) - np.float32(2.0**-23)

_ARITHMETIC = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
}

#: Comparisons of order: what holds for all four pairs of ends holds for the ranges.
_COMPARISONS = {
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
}


def settle_dropout(model: Model) -> bool:
    """Takes out random choices that can come out in one way only.

    A TensorFlow 1 graph keeps its DropoutWrappers, with a keep_prob of 1 for inference: random
    numbers from 0 to 1 are drawn, and are never below 0.

    1. RANDOM_UNIFORM is in [0, 1). A range goes through sums, differences, products, maxima and
       minima (at its ends, in float32, whose rounding keeps the order), FLOOR and CAST.
    2. A comparison of two ranges is settled where all their numbers agree.
    3. SELECT by a settled truth is the operand it takes, and a product with a settled 1 is the
       other factor, if that has the shape of the result.
    4. What the range leaves open stays: dropout that is on.
    """
    changed = each_until_settled(model, _settle_one)
    return prune(model) or changed


def _settle_one(model: Model, subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    if not any(op.code == "RANDOM_UNIFORM" for op in subgraph.ops):
        return False
    extents = Extents(subgraph)
    for op in subgraph.ops:
        kept = _kept(op, made)
        if kept is None or not _same_shape(kept, op.outputs[0], extents):
            continue
        if bypass(model, subgraph, op.outputs[0], kept):
            subgraph.ops.remove(op)
            return True
    return False


def _kept(op: Op, made: Producers) -> Tensor | None:
    """Rule 3: the operand that an op's output always is."""
    if op.code in ("SELECT", "SELECT_V2"):
        condition, yes, no = op.inputs
        truth = _settled(condition, made)
        return None if truth is None else yes if truth else no
    if op.code == "MUL" and op.options.get("fused_activation_function", "NONE") == "NONE":
        for one, other in (op.inputs, op.inputs[::-1]):
            if _settled(one, made) == 1.0:
                return other
    return None


def _same_shape(one: Tensor, other: Tensor, extents: Extents) -> bool:
    if one.shape is None or other.shape is None or len(one.shape) != len(other.shape):
        return False
    axes = range(len(one.shape))
    return all(extents.dimension(one, axis) == extents.dimension(other, axis) for axis in axes)


@dataclass(frozen=True)
class _Range:
    """Numbers from `low` to `high`, both among them."""

    low: np.float32
    high: np.float32


def _settled(tensor: Tensor | None, made: Producers) -> float | None:
    """The one number, or truth, that a computed tensor can hold; None where there are more."""
    found = _range(tensor, made) if tensor in made else None
    return float(found.low) if found is not None and found.low == found.high else None


def _range(tensor: Tensor | None, made: Producers) -> _Range | None:
    """Rules 1 and 2; truths are 0 and 1. None where nothing is known."""
    array = None if tensor is None else tensor.array
    if array is not None:
        return _of(array) if array.dtype == np.float32 and array.size else None
    op = None if tensor is None else made.get(tensor)
    if op is None or op.options.get("fused_activation_function", "NONE") != "NONE":
        return None
    if op.code == "RANDOM_UNIFORM":
        return _Range(np.float32(0.0), LARGEST)
    if op.code == "CAST":
        from_truth = op.inputs[0] is not None and op.inputs[0].dtype == "BOOL"
        return _range(op.inputs[0], made) if from_truth else None
    if op.code not in ("FLOOR", *_ARITHMETIC, *_COMPARISONS):
        return None
    operands = [_range(t, made) for t in op.inputs]
    known = [r for r in operands if r is not None]
    return _applied(op.code, known) if len(known) == len(operands) else None


def _applied(code: str, operands: list[_Range]) -> _Range:
    if code == "FLOOR":
        (only,) = operands
        return _Range(np.floor(only.low), np.floor(only.high))
    one, other = operands
    ends = [(a, b) for a in (one.low, one.high) for b in (other.low, other.high)]
    function = _ARITHMETIC.get(code) or _COMPARISONS[code]
    return _of(np.asarray([function(a, b) for a, b in ends], np.float32))


def _of(values: Array) -> _Range:
    return _Range(values.min(), values.max())
