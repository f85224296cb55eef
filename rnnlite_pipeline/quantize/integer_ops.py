"""Which ops have integer kernels, and what the kernels demand of scales.

Sources: LiteRT lite/quantization/tools quantization spec (the int8 specification) and the kernels'
Prepare functions; versions as of op_version.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: keep: the output has the input's scale; free: its own; unit: SOFTMAX's and LOGISTIC's 0 to 1,
#: both: TANH's -1 to 1; join: the output's scale is given to every input.
Rule = Literal["keep", "free", "unit", "both", "join"]


@dataclass(frozen=True)
class Kernel:
    """An op in integers.

    Attributes:
        rule: How the output's scale comes about.
        versions: The op version for int8 and for int16.
        data: The operands that hold real values; None for all of them.
        axis: The weights' channel axis where operand 1 holds weights and 2 a bias; None if not.
    """

    rule: Rule
    versions: tuple[int, int]
    data: tuple[int, ...] | None = (0,)
    axis: int | None = None


KERNELS: dict[str, Kernel] = {
    "FULLY_CONNECTED": Kernel("free", (4, 11), axis=0),
    "CONV_2D": Kernel("free", (3, 8), axis=0),
    "DEPTHWISE_CONV_2D": Kernel("free", (3, 5), axis=3),
    "ADD": Kernel("free", (2, 3), None),
    "SUB": Kernel("free", (2, 5), None),
    "MUL": Kernel("free", (2, 4), None),
    "MEAN": Kernel("free", (2, 3)),
    "RELU": Kernel("free", (2, 3)),
    "RELU6": Kernel("free", (2, 3)),
    "SOFTMAX": Kernel("unit", (2, 3)),
    "LOGISTIC": Kernel("unit", (2, 3)),
    "TANH": Kernel("both", (2, 3)),
    "CONCATENATION": Kernel("join", (2, 3), None),
    "PACK": Kernel("join", (2, 3), None),
    "MAXIMUM": Kernel("join", (2, 4), None),
    "MINIMUM": Kernel("join", (2, 4), None),
    "SELECT_V2": Kernel("join", (1, 2), (1, 2)),
    "RESHAPE": Kernel("keep", (1, 1)),
    "BROADCAST_TO": Kernel("keep", (3, 3)),
    "EXPAND_DIMS": Kernel("keep", (1, 1)),
    "SQUEEZE": Kernel("keep", (1, 1)),
    "TRANSPOSE": Kernel("keep", (2, 5)),
    "REVERSE_V2": Kernel("keep", (3, 2)),
    "STRIDED_SLICE": Kernel("keep", (2, 4)),
    "SLICE": Kernel("keep", (2, 4)),
    "GATHER": Kernel("keep", (2, 4)),
    "SPLIT": Kernel("keep", (2, 4), (1,)),
    "SPLIT_V": Kernel("keep", (2, 2)),
    "UNPACK": Kernel("keep", (2, 4)),
    "PAD": Kernel("keep", (2, 3)),
    "MAX_POOL_2D": Kernel("keep", (2, 3)),
    "AVERAGE_POOL_2D": Kernel("keep", (2, 3)),
}

#: Activations an integer kernel computes in itself: it clamps.
CLAMPS = frozenset({"NONE", "RELU", "RELU6", "RELU_N1_TO_1"})

#: Ops that only make numbers anew, and have nothing to quantize.
MAKERS = frozenset({"FILL", "ZEROS_LIKE", "RANGE"})
