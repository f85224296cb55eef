"""Writes the ops of one lowered recurrence, in execution order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Tensor


class Emitter(Builder):
    """Collects the ops that take the place of one pseudo op, named after their layer."""

    def weight(self, name: str, value: NDArray[Any] | None) -> Tensor | None:
        """A float32 constant, whatever float `value` comes in; None stays None."""
        return None if value is None else self.constant(name, np.asarray(value, np.float32))

    def into(self, out: Tensor) -> Tensor:
        """Lets the last op produce `out`, a tensor that others already refer to."""
        self.ops[-1].outputs = [out]
        return out

    def step(self, y: Tensor, axis: int, index: int, name: str = "step") -> Tensor:
        """y[index] along the time axis, 0 or 1, of y [T, B, O] or [B, T, O]; index is 0 or -1."""
        return super().step(y, axis, index, name)

    def columns(self, x: Tensor, first: int) -> Tensor:
        """x[:, first:] of x [B, width]."""
        return self.part(x, 1, first, None, "columns")
