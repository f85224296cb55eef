"""A step on forms: the equations that a loop is written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.forms import Form, apply, constant, symbol
from rnnlite_pipeline.algebra.functions import ACTIVATION_OPS
from rnnlite_pipeline.algebra.numbers import LAYER_NORM_EPSILON
from rnnlite_pipeline.cells.symbols import after

Array = NDArray[Any]


@dataclass
class Forms:
    """The algebra of forms; `updates` are the new states, in the order of the step."""

    updates: dict[int, Form] = field(default_factory=dict)

    @property
    def one(self) -> Form:
        """1."""
        return _row(1.0)

    def times(self, value: Form, matrix: Array, _name: str) -> Form:
        """`Algebra.times`."""
        return value @ matrix.T

    def scaled(self, value: Form, diagonal: Array, _name: str) -> Form:
        """`Algebra.scaled`."""
        return value.scaled(diagonal)

    def shifted(self, value: Form, bias: Array, _name: str) -> Form:
        """`Algebra.shifted`."""
        return value + constant(bias)

    def normalized(self, value: Form, scale: Array, _name: str) -> Form:
        """`Algebra.normalized`; what is normalized is not multiplied out."""
        z = apply("LINEAR", value)
        deviation = apply("LINEAR", z - apply("MEAN", z))
        variance = apply("MEAN", deviation * deviation)
        return (deviation * apply("RSQRT", variance + _row(LAYER_NORM_EPSILON))).scaled(scale)

    def activation(self, function: str, value: Form) -> Form:
        """`Algebra.activation`."""
        return value if function == "NONE" else apply(ACTIVATION_OPS[function], value)

    def clip(self, value: Form, bound: float) -> Form:
        """`Algebra.clip`."""
        if bound <= 0:
            return value
        return apply("MINIMUM", apply("MAXIMUM", value, _row(-bound)), _row(bound))

    def let(self, _name: str, value: Form, _called: str) -> Form:
        """The value itself."""
        return value

    def new(self, k: int, _name: str, value: Form, _called: str) -> Form:
        """The symbol of the state after the step."""
        self.updates[k] = value
        return symbol(after(k), value.width)


def _row(number: float) -> Form:
    return constant(np.array([number]))
