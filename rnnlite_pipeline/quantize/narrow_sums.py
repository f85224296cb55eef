"""Products of int16 values that sum in int32: LiteRT's CPU has a fast kernel for these alone.

FULLY_CONNECTED of int16 values and int8 weights with a bias of int64 runs on the reference kernel,
which sums in int64; with a bias of int32, and `quantized_bias_type` saying so, on the optimized one
(LiteRT kernels/fully_connected.cc, EvalQuantized), which is 3 times as fast at 512 units.
TensorFlow Lite Micro reads every such bias as int64 (tensorflow/lite/micro/kernels/
fully_connected.cc), so this is for models that are meant for LiteRT on a CPU only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.runtimes.litert import CPU

#: The first version of the op with `quantized_bias_type`.
_VERSION = 11

#: The largest magnitude of an int16 value, and what an int32 sum must stay below.
_LARGEST, _END = 2**15, 2**31


def narrow_sums(model: Model, targets: Iterable[str]) -> int:
    """Makes biases int32 where no sum can pass its ends, in place.

    1. No sum of a row of weights, each times the largest int16 value, and its bias reaches 2^31:
       that is checked with the stored integers, so it holds for every input.
    2. Every target is LiteRT on a CPU.

    Returns:
        How many products there are of int32 sums now.
    """
    if not CPU.issuperset(targets):
        return 0
    narrowed = [op for op in model.ops() if _is_wide(op) and _fits(op)]
    for op in narrowed:
        bias = op.inputs[2] if len(op.inputs) > 2 else None
        if bias is not None:
            op.inputs[2] = _in_int32(bias)
        op.options["quantized_bias_type"] = enum_values("TensorType")["INT32"]
        op.version = max(op.version, _VERSION)
    return len(narrowed)


def _is_wide(op: Op) -> bool:
    if op.code != "FULLY_CONNECTED" or len(op.inputs) < 2:
        return False
    x, weights = op.inputs[:2]
    return x is not None and x.dtype == "INT16" and weights is not None and weights.dtype == "INT8"


def _fits(op: Op) -> bool:
    """Rule 1."""
    weights = op.inputs[1]
    bias = op.inputs[2] if len(op.inputs) > 2 else None
    assert weights is not None
    matrix = weights.array
    if matrix is None or (bias is not None and bias.array is None):
        return False
    sums = np.abs(matrix.astype(np.int64)).sum(-1) * _LARGEST
    if bias is not None and bias.array is not None:
        sums = sums + np.abs(bias.array.astype(np.int64))
    return bool(sums.max(initial=0) < _END)


def _in_int32(bias: Tensor) -> Tensor:
    assert bias.array is not None
    narrow = Tensor.constant(bias.name, bias.array.astype(np.int32))
    narrow.quantization = bias.quantization
    return narrow
