"""Choices that can come out in one way only: dropout that drops nothing, padding that is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import bypass, each_until_settled
from rnnlite_pipeline.shapes.extents import Extents

Array = NDArray[np.generic]

#: The largest number that RANDOM_UNIFORM draws: it fills the 23 bits of a float32's fraction
#: (LiteRT tflite/kernels/random_ops.cc, TensorFlow lib/random/random_distributions.h).
LARGEST = np.float32(1.0) - np.float32(2.0**-23)

#: At the ends of ranges; of truths, which are 0 and 1, too.
_AT_ENDS = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "LOGICAL_AND": np.minimum,
    "LOGICAL_OR": np.maximum,
}

#: Comparisons of order: what holds for all four pairs of ends holds for the ranges.
_COMPARISONS = {
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
}

#: The ops that hand on numbers of one operand, and which one.
_MOVES = {
    **dict.fromkeys(("BROADCAST_TO", "RESHAPE", "TILE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE"), 0),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE", "GATHER", "UNPACK"), 0),
    **dict.fromkeys(("FILL", "SPLIT"), 1),
}


def settle_choices(model: Model) -> bool:
    """Takes out choices that can come out in one way only.

    A TensorFlow 1 graph keeps its DropoutWrappers, with a keep_prob of 1 for inference: random
    numbers from 0 to 1 are drawn, and are never below 0. A layer that takes paddings is given
    zeros: tf.zeros([batch, 1]), whatever the batch is.

    1. RANDOM_UNIFORM is in [0, 1), FILL is its number, whatever its size. A range goes through
       sums, differences, products, maxima and minima (at its ends, in float32, whose rounding
       keeps the order), FLOOR, CAST of truths, and through what moves numbers.
    2. A comparison of two ranges is settled where all their numbers agree.
    3. SELECT by a settled truth is the operand it takes, and a product with a settled 1 is the
       other factor, if that has the shape of the result.
    4. What the range leaves open stays: dropout that is on.
    """
    changed = each_until_settled(model, _settle)
    return prune(model) or changed


def _settle(model: Model, subgraph: Subgraph) -> bool:
    ranges = _ranges(subgraph)
    extents: Extents | None = None
    settled: set[Op] = set()
    for op in subgraph.ops:
        kept = _kept(op, ranges)
        if kept is None:
            continue
        extents = extents or Extents(subgraph)
        same = _same_shape(kept, op.outputs[0], extents)
        if same and bypass(model, subgraph, op.outputs[0], kept):
            settled.add(op)
    subgraph.ops = [op for op in subgraph.ops if op not in settled]
    return bool(settled)


def _kept(op: Op, ranges: Ranges) -> Tensor | None:
    """Rule 3: the operand that an op's output always is."""
    if op.code in ("SELECT", "SELECT_V2"):
        condition, yes, no = op.inputs
        truth = _settled(condition, ranges)
        return None if truth is None else yes if truth else no
    if op.code == "MUL" and op.options.get("fused_activation_function", "NONE") == "NONE":
        for one, other in (op.inputs, op.inputs[::-1]):
            if _settled(one, ranges) == 1.0:
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


#: What is known of each computed tensor.
Ranges = dict[Tensor, _Range]


def _settled(tensor: Tensor | None, ranges: Ranges) -> float | None:
    """The one number, or truth, that a computed tensor can hold; None where there are more."""
    found = None if tensor is None else ranges.get(tensor)
    return float(found.low) if found is not None and found.low == found.high else None


def _ranges(subgraph: Subgraph) -> Ranges:
    """Rules 1 and 2, op by op; truths are 0 and 1."""
    ranges: Ranges = {}
    for op in subgraph.ops:
        plain = op.options.get("fused_activation_function", "NONE") == "NONE"
        found = _made(op, ranges) if plain else None
        if found is not None:
            ranges.update(dict.fromkeys(op.outputs, found))
    return ranges


def _made(op: Op, ranges: Ranges) -> _Range | None:
    if op.code == "RANDOM_UNIFORM":
        return _Range(np.float32(0.0), LARGEST)
    if op.code == "ZEROS_LIKE":
        return _Range(np.float32(0.0), np.float32(0.0))
    if op.code in _MOVES:
        return _range(op.inputs[_MOVES[op.code]], ranges)
    if op.code == "CAST":
        from_truth = op.inputs[0] is not None and op.inputs[0].dtype == "BOOL"
        return _range(op.inputs[0], ranges) if from_truth else None
    if op.code not in ("FLOOR", "LOGICAL_NOT", *_AT_ENDS, *_COMPARISONS):
        return None
    operands = [_range(t, ranges) for t in op.inputs]
    known = [r for r in operands if r is not None]
    return _applied(op.code, known) if len(known) == len(operands) else None


def _range(tensor: Tensor | None, ranges: Ranges) -> _Range | None:
    if tensor is None or tensor in ranges:
        return None if tensor is None else ranges[tensor]
    array = tensor.array if tensor.dtype in ("FLOAT32", "BOOL") else None
    return _of(array.astype(np.float32)) if array is not None and array.size else None


def _applied(code: str, operands: list[_Range]) -> _Range:
    if code in ("FLOOR", "LOGICAL_NOT"):
        (only,) = operands
        ends = [only.low, only.high]
        return _of(np.floor(ends) if code == "FLOOR" else np.float32(1.0) - np.asarray(ends))
    one, other = operands
    pairs = [(a, b) for a in (one.low, one.high) for b in (other.low, other.high)]
    function = _AT_ENDS.get(code) or _COMPARISONS[code]
    return _of(np.asarray([function(a, b) for a, b in pairs], np.float32))


def _of(values: Array) -> _Range:
    numbers = np.asarray(values, np.float32)
    return _Range(numbers.min(), numbers.max())
