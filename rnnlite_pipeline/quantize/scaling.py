"""Which scales a kernel can compute with; beyond them it wraps, or ends the process, silently.

Sources (LiteRT): kernels/internal/common.cc, MultiplyByQuantizedMultiplier; add.cc, sub.cc and
activations.cc, Prepare; reference/integer_ops/tanh.h and logistic.h; XNNPACK's multiply-nc.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.quantize.integer_ops import Kernel
from rnnlite_pipeline.quantize.weights import LEVELS

#: What a sum of products, or a product, may be multiplied by: kernels end at 2^7 and 2^8.
_MOST_FACTOR = 2.0**6

#: The same of ADD, SUB and what else takes values as they are: int16 ends at 2^14.
_MOST_RATIO = 2.0**12

#: TANH and LOGISTIC in int16 multiply by 12288 * scale in int32.
_MOST_WIDE = 0.9 * 2.0**16 / 12288

TOO_FINE = "its result is too small beside what it is computed from"
TOO_COARSE = "its input is so large that the int16 kernel overflows"


def why_not(op: Op, kernel: Kernel, scales: Sequence[float], result: float, wide: bool) -> str:
    """Why the kernel cannot compute with these scales; empty if it can.

    Args:
        op: An op with an integer kernel.
        kernel: What the kernel demands.
        scales: Of the operands that hold values.
        result: Of the result.
        wide: Whether it computes in int16.
    """
    if op.code in ("TANH", "LOGISTIC"):
        return TOO_COARSE if wide and scales[0] > _MOST_WIDE else ""
    if kernel.rule != "free":
        return ""
    if kernel.axis is not None:
        fine = scales[0] * _largest(op.inputs[1]) / LEVELS > _MOST_FACTOR * result
    elif op.code == "MUL":
        fine = scales[0] * scales[1] > _MOST_FACTOR * result
    else:
        fine = max(scales) > _MOST_RATIO * result
    return TOO_FINE if fine else ""


def _largest(weight: Tensor | None) -> float:
    assert weight is not None and weight.array is not None  # noqa: PT018
    return float(np.abs(np.asarray(weight.array, np.float64)).max(initial=0))
