"""An affine map of a cell, the argument of its gates and candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from rnnlite_pipeline.algebra.algebra import Algebra, V
from rnnlite_pipeline.algebra.numbers import Numbers
from rnnlite_pipeline.algebra.patterns import OPTIONAL, WEIGHT

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Gate:
    """One affine map of the cell: `kernel x + recurrent h + peephole * c + bias`.

    With `layer_norm` the sum without the bias is normalized over units, scaled by
    `layer_norm`, and the bias added after (lstm_eval.cc, CalculateLstmGateFloat).

    Attributes:
        kernel: [U, F].
        recurrent: [U, O].
        bias: [U].
        peephole: [U], the diagonal on the cell state, or None.
        layer_norm: [U], or None.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    peephole: Array | None = None
    layer_norm: Array | None = None

    @classmethod
    def unknown(cls, *, peephole: bool = False, layer_norm: bool = False) -> Gate:
        """The pattern of the gate that recognition looks for; its optional parts may be absent."""
        given = (OPTIONAL if peephole else None, OPTIONAL if layer_norm else None)
        return cls(WEIGHT(), WEIGHT(), WEIGHT(), *(None if g is None else g() for g in given))

    def __call__(self, x: Array, h: Array, c: Array) -> Array:
        """The gate before its nonlinearity: x [B, F], h [B, O], c [B, U] to [B, U]."""
        return self.over(Numbers(), "", x, h, c)

    def over(self, m: Algebra[V], name: str, x: V, h: V, c: V | None = None) -> V:
        """The gate before its nonlinearity, over an algebra; c is what a peephole looks at."""
        z: V = m.times(x, self.kernel, f"W_{name}") + m.times(h, self.recurrent, f"R_{name}")
        if self.peephole is not None and c is not None:
            z = z + m.scaled(c, self.peephole, f"p_{name}")
        if self.layer_norm is not None:
            z = m.normalized(z, self.layer_norm, f"l_{name}")
        return m.shifted(z, self.bias, f"b_{name}")
