"""Writes the ops of one lowered recurrence, in execution order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor

Shape = tuple[int, ...]


@dataclass
class Emitter:
    """Collects the ops that take the place of one pseudo op.

    Attributes:
        name: Prefix of every tensor it makes: the layer's name.
        ops: What it has written so far.
    """

    name: str
    ops: list[Op] = field(default_factory=list)

    def tensor(self, name: str, shape: Shape, dtype: str = "FLOAT32") -> Tensor:
        """A computed tensor of this layer."""
        return Tensor(f"{self.name}/{name}", dtype, shape)

    def weight(self, name: str, value: NDArray[Any] | None) -> Tensor | None:
        """A float32 constant, whatever float `value` comes in; None stays None."""
        if value is None:
            return None
        return Tensor.constant(f"{self.name}/{name}", np.asarray(value, np.float32))

    def indices(self, name: str, value: list[int] | list[list[int]] | int) -> Tensor:
        """An int32 constant: an axis, a shape, a place."""
        return Tensor.constant(f"{self.name}/{name}", np.asarray(value, np.int32))

    def op(
        self,
        code: str,
        inputs: list[Tensor | None],
        outputs: list[Tensor],
        options_type: str | None = None,
        version: int = 1,
        **options: Any,
    ) -> Tensor:
        """Appends an op; returns its first output."""
        self.ops.append(Op(code, inputs, outputs, options, options_type, version))
        return outputs[0]

    def reverse(self, x: Tensor, axis: int, out: Tensor | None = None) -> Tensor:
        """x with the order along `axis` turned round."""
        out = out or self.tensor("reversed", x.shape or ())
        return self.op(
            "REVERSE_V2", [x, self.indices("time_axis", [axis])], [out], "ReverseV2Options"
        )

    def step(self, y: Tensor, axis: int, index: int, out: Tensor | None = None) -> Tensor:
        """y[index] along the time axis (0 or 1), [B, width]; index is 0 or -1."""
        shape = y.shape or (OPEN,) * 3
        out = out or self.tensor("step", (*shape[:axis], *shape[axis + 1 :]))
        begin = [index if a == axis else 0 for a in range(3)]
        others = 0b111 & ~(1 << axis)
        return self.op(
            "STRIDED_SLICE",
            [
                y,
                self.indices("step_begin", begin),
                self.indices("step_end", [index + 1 if a == axis else 0 for a in range(3)]),
                self.indices("step_strides", [1, 1, 1]),
            ],
            [out],
            "StridedSliceOptions",
            begin_mask=others,
            end_mask=others,
            shrink_axis_mask=1 << axis,
        )

    def columns(self, x: Tensor, first: int, out: Tensor) -> Tensor:
        """x[:, first:] of x [B, width]."""
        return self.op(
            "STRIDED_SLICE",
            [
                x,
                self.indices("columns_begin", [0, first]),
                self.indices("columns_end", [0, 0]),
                self.indices("columns_strides", [1, 1]),
            ],
            [out],
            "StridedSliceOptions",
            begin_mask=0b01,
            end_mask=0b11,
            shrink_axis_mask=0,
        )

    def concatenate(self, parts: list[Tensor], axis: int, out: Tensor) -> Tensor:
        """The parts joined along `axis`."""
        return self.op(
            "CONCATENATION",
            list(parts),
            [out],
            "ConcatenationOptions",
            axis=axis,
            fused_activation_function="NONE",
        )
