"""Which scales a kernel can compute with: others wrap, round all to 0, or end the process.

That happens without an error, so such an op stays in float:

1. A result may not be much finer than what it is computed from: multipliers have an end.
2. TANH and LOGISTIC in int16 do not take large inputs.
3. SOFTMAX, LOGISTIC and TANH have a scale that their kernels fix: a result of a few of its steps is
   not told from 0.
4. A sum, a selection, a minimum or a maximum has one scale. An operand of which it holds no more
   than two steps is lost: scores beside the -1e9 of a mask.

Sources (LiteRT): kernels/internal/common.cc, MultiplyByQuantizedMultiplier; add.cc, sub.cc and
activations.cc, Prepare; reference/integer_ops/tanh.h and logistic.h; XNNPACK's multiply-nc.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

#: Rules 3 and 4: of how many steps a result, or an operand in it, has to be at least.
_FEWEST_STEPS, _FEWEST_OF_OPERAND = 4, 2

#: Rule 4: these take one operand here and another one there, or add them.
_MIXERS = frozenset({"ADD", "SUB", "MAXIMUM", "MINIMUM", "SELECT_V2"})

TOO_FINE = "its result is too small beside what it is computed from"
TOO_COARSE = "its input is so large that the int16 kernel overflows"
TOO_SMALL = "its result is less than a few steps of the scale that its kernel fixes"
LOST = "one of its operands is too small beside its result to be told from 0"


@dataclass(frozen=True)
class Value:
    """An operand, as its scale has it.

    Attributes:
        scale: Its scale.
        reach: The width of its range; 0 for what is always 0.
        is_constant: Whether it is a constant.
    """

    scale: float
    reach: float
    is_constant: bool = False


def why_not(op: Op, kernel: Kernel, operands: Sequence[Value], result: Value, wide: bool) -> str:
    """Why the kernel cannot compute with these scales; empty if it can.

    Args:
        op: An op with an integer kernel.
        kernel: What the kernel demands.
        operands: Those that hold values.
        result: Of the scale that it would have.
        wide: Whether it computes in int16.
    """
    scales = [operand.scale for operand in operands]
    if op.code in ("TANH", "LOGISTIC") and wide and scales[0] > _MOST_WIDE:
        return TOO_COARSE
    if kernel.rule in ("unit", "both"):
        return TOO_SMALL if vanishes(result.reach, result.scale) else ""
    if kernel.rule not in ("free", "join"):
        return ""
    if kernel.axis is not None:
        fine = scales[0] * _largest(op.inputs[1]) / LEVELS > _MOST_FACTOR * result.scale
    elif op.code == "MUL":
        fine = scales[0] * scales[1] > _MOST_FACTOR * result.scale
    else:
        # A join stores its constants in the result's scale.
        taken = [v.scale for v in operands if kernel.rule == "free" or not v.is_constant]
        fine = max(taken, default=0.0) > _MOST_RATIO * result.scale
    if fine:
        return TOO_FINE
    computed = [value.reach for value in operands if not value.is_constant]
    lost = any(0 < reach < _FEWEST_OF_OPERAND * result.scale for reach in computed)
    return LOST if lost and op.code in _MIXERS else ""


def vanishes(reach: float, step: float) -> bool:
    """Whether what is not always 0 is only a few steps of a scale that a kernel fixes."""
    return 0 < reach < _FEWEST_STEPS * step


def _largest(weight: Tensor | None) -> float:
    assert weight is not None and weight.array is not None  # noqa: PT018
    return float(np.abs(np.asarray(weight.array, np.float64)).max(initial=0))
