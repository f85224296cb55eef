"""Constants stored in fewer bits and made float before they are read.

A DEQUANTIZE of a constant runs once, when tensors are allocated, and delegates read through it.
But in a graph whose states have an open batch it is wrong after the batch changes: what it made
stands in the same memory as the states, which is laid out anew, and it does not run again
(measured on ai-edge-litert 2.3, every set of kernels; dequantize.cc, Prepare). There a CAST, and
a MUL by the scales, do the same at every call.
"""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import tensors
from rnnlite_pipeline.graph.ir import OPEN, Op, Subgraph, Tensor

_VERSIONS = {"FLOAT16": 3, "INT8": 5}


def moves(subgraph: Subgraph) -> bool:
    """Whether the memory of a subgraph's states is laid out anew when the batch changes."""
    return any(t.is_variable and OPEN in (t.shape or (OPEN,)) for t in tensors(subgraph))


def decode(stored: Tensor, moving: bool) -> tuple[list[Op], Tensor]:
    """The ops that make a constant float32 again, and the tensor they make.

    Args:
        stored: A float16 constant, or an int8 one with scales and zero points of 0.
        moving: What `moves` says of the subgraph they stand in.
    """
    build = Builder(stored.name)
    if not moving:
        real = build.op("DEQUANTIZE", [stored], "FLOAT32", stored.shape, "real")
        build.ops[-1].version = _VERSIONS[stored.dtype]
        return build.ops, real
    real = build.op("CAST", [stored], "FLOAT32", stored.shape, "real")
    if stored.quantization is not None:
        scale = np.array(stored.quantization.scale, np.float32)
        shape = [1] * len(stored.shape or ())
        if scale.size > 1:
            shape[stored.quantization.axis] = -1
        real = build.binary("MUL", real, build.constant("scale", scale.reshape(shape)))
    return build.ops, real
