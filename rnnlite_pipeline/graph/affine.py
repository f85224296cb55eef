"""Real numbers as the integers of a tensor with one scale, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import NUMPY, Model, Tensor


def to_integers(real: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    """Real numbers as an integer tensor of one scale stores them."""
    assert tensor.quantization is not None
    limits = np.iinfo(NUMPY[tensor.dtype])
    scale, zero = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
    whole = np.rint(real.astype(np.float64) / scale) + zero
    return np.asarray(np.clip(whole, limits.min, limits.max), NUMPY[tensor.dtype])


def from_integers(whole: NDArray[Any], tensor: Tensor) -> NDArray[np.float32]:
    """The real numbers an integer tensor of one scale stands for."""
    assert tensor.quantization is not None
    scale, zero = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
    return ((whole.astype(np.float64) - zero) * scale).astype(np.float32)


def computes_in_integers(model: Model) -> bool:
    """Whether an op of a model computes with quantized numbers, its activations or its weights.

    Kernels round these differently (reference, XNNPACK), so that results of one model on two sets
    of kernels are apart by more than float rounding. Stored numbers that a DEQUANTIZE makes real
    are no such case.
    """
    return any(
        tensor is not None and tensor.quantization is not None and bool(tensor.quantization.scale)
        for op in model.ops()
        if op.code not in ("DEQUANTIZE", "QUANTIZE")
        for tensor in (*op.inputs, *op.outputs)
    )
