"""Two steps of one structure as one: each op of it computes both.

The two directions of a bidirectional layer, say, are the same ops on other numbers. Their values
lie in one tensor [2, B, width], a lane for each, so that what a turn of a loop costs beside its
arithmetic is paid once.

1. Both steps are written on the same operands, in the same order (plan.py, rule 5), and joined op
   by op. Where one op, shape or option differs, they are not joined.
2. A product by two matrices is one BATCH_MATMUL by both, [2, in, out]; its biases are added.
   Its kernels have one scale for all of an int8 matrix. So where it will be quantized, each column
   is divided by its largest number, and the product multiplied by it: a scale a channel.
3. Rows that differ are one constant [2, 1, width]. All other constants have to be equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter

#: The ops of a step, and the states after it.
Written = tuple[list[Op], list[Tensor]]


class NotAlike(Exception):
    """The steps are not the same ops on other numbers."""


class Joined:
    """Joins steps that are written in pairs; the constants they share are joined once.

    Attributes:
        scaled: Whether weights will be quantized to int8 (rule 2).
    """

    def __init__(self, *, scaled: bool = False) -> None:
        self.scaled = scaled
        self._scales: dict[Tensor, tuple[Tensor, Tensor]] = {}
        self._constants: dict[tuple[Tensor | None, Tensor | None, str], Tensor] = {}

    def append(self, emit: Emitter, steps: Sequence[Written]) -> list[Tensor]:
        """Appends the ops of two steps as those of one; those of a single step as they are.

        Args:
            emit: Where they go.
            steps: Each step, all on the same operands [2, B, width].

        Returns:
            The states after the step.

        Raises:
            NotAlike: They cannot be joined.
        """
        (ops, states), *others = steps
        if not others:
            emit.ops += ops
            return states
        ((twins, ends),) = others
        same: dict[Tensor, Tensor] = {}
        if len(ops) != len(twins):
            raise NotAlike
        for a, b in zip(ops, twins, strict=True):
            self._join(emit, a, b, same)
        if any(same.get(b, b) is not a for a, b in zip(states, ends, strict=True)):
            raise NotAlike
        return states

    def _join(self, emit: Emitter, a: Op, b: Op, same: dict[Tensor, Tensor]) -> None:
        """Appends an op that computes both; `same`: for a tensor of the second step the first's."""
        if a.code != b.code or a.options != b.options or len(a.inputs) != len(b.inputs):
            raise NotAlike
        if [t.shape for t in a.outputs] != [t.shape for t in b.outputs]:
            raise NotAlike
        if a.code == "FULLY_CONNECTED":
            self._product(emit, a, b, same)
        else:
            operands = zip(a.inputs, b.inputs, strict=True)
            emit.ops.append(replace(a, inputs=[self._operand(p, q, same) for p, q in operands]))
        same.update(zip(b.outputs, a.outputs, strict=True))

    def _product(self, emit: Emitter, a: Op, b: Op, same: dict[Tensor, Tensor]) -> None:
        (x, kernel, bias), (y, other, other_bias) = a.inputs, b.inputs
        out, weights = a.outputs[0], self._stacked(kernel, other, "kernel")
        scale = self._scaled(weights) if self.scaled else None
        operands = [self._operand(x, y, same), scale[0] if scale else weights]
        product = emit.op("BATCH_MATMUL", operands, out.dtype, out.shape)
        if scale:
            product = emit.binary("MUL", product, scale[1])
        if bias or other_bias:
            emit.binary("ADD", product, self._stacked(bias, other_bias, "row"))
        emit.into(out)

    def _scaled(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The matrices, the largest number of each column 1, and what they were divided by."""
        if weights not in self._scales:
            array = weights.array
            assert array is not None, "weights are constants"
            largest = np.abs(array).max(axis=1, keepdims=True)
            largest[largest == 0.0] = 1.0
            self._scales[weights] = (
                Tensor.constant(weights.name, array / largest),
                Tensor.constant(f"{weights.name}_scale", largest),
            )
        return self._scales[weights]

    def _operand(
        self, a: Tensor | None, b: Tensor | None, same: dict[Tensor, Tensor]
    ) -> Tensor | None:
        if a is b or (b is not None and same.get(b) is a):
            return a
        if a is None or b is None or a.data is None or b.data is None or a.dtype != b.dtype:
            raise NotAlike
        if a.shape == b.shape and a.data == b.data:
            return a
        if a.dtype != "FLOAT32":
            raise NotAlike
        return self._stacked(a, b, "row")

    def _stacked(self, a: Tensor | None, b: Tensor | None, name: str) -> Tensor:
        """Both constants in one: a kernel [2, in, out], or a row [2, 1, width]; None is zeros."""
        key = (a, b, name)
        if key not in self._constants:
            arrays = [t.array for t in (a, b) if t is not None]
            found = [None if t is None else t.array for t in (a, b)]
            shape = np.broadcast_shapes(*(each.shape for each in arrays if each is not None))
            wide = [np.broadcast_to(0.0 if f is None else f, shape) for f in found]
            stacked = np.stack([w.T if name == "kernel" else w[None] for w in wide])
            named = a or b
            assert named is not None, "something is stacked"
            values = stacked.astype(np.float32)
            self._constants[key] = Tensor.constant(named.name, np.ascontiguousarray(values))
        return self._constants[key]
