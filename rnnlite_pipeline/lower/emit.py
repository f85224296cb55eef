"""Writes the ops of one lowered recurrence, in execution order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Tensor


class Emitter(Builder):
    """Collects the ops that take the place of one pseudo op, named after their layer."""

    def weight(self, name: str, value: NDArray[Any] | None) -> Tensor | None:
        """A float32 constant, whatever float `value` comes in; None stays None."""
        return None if value is None else self.constant(name, np.asarray(value, np.float32))

    def into(self, out: Tensor) -> Tensor:
        """Lets the last op produce `out`, a tensor that others already refer to."""
        self.ops[-1].outputs = [out]
        return out

    def step(self, y: Tensor, axis: int, index: int) -> Tensor:
        """y[index] along the time axis, 0 or 1, of y [T, B, O] or [B, T, O]; index is 0 or -1."""
        shape = y.shape or (OPEN,) * 3
        begin, end = [0, 0, 0], [0, 0, 0]
        begin[axis], end[axis] = index, index + 1
        others = 0b111 & ~(1 << axis)
        return self.op(
            "STRIDED_SLICE",
            [y, *map(self.indices, (begin, end, [1, 1, 1]))],
            y.dtype,
            (*shape[:axis], *shape[axis + 1 :]),
            "step",
            begin_mask=others,
            end_mask=others,
            shrink_axis_mask=1 << axis,
        )

    def columns(self, x: Tensor, first: int) -> Tensor:
        """x[:, first:] of x [B, width]."""
        batch, width = x.shape or (OPEN, OPEN)
        return self.op(
            "STRIDED_SLICE",
            [x, *map(self.indices, ([0, first], [0, 0], [1, 1]))],
            x.dtype,
            (batch, OPEN if width == OPEN else width - first),
            "columns",
            begin_mask=0b01,
            end_mask=0b11,
        )
