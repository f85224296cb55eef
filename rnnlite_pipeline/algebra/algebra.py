"""What a cell's step is written over, so that it is written once.

A step that adds, multiplies and applies functions by an `Algebra` computes with whatever the
algebra's values are:

- numbers (`algebra/numbers.py`): arrays [B, width]; the step is the specification;
- forms (`cells/forms.py`): the equations a loop is written from;
- text (`cells/text.py`): what a person reads;
- patterns (`algebra/patterns.py`): what recognition looks for, with unknown weights.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

Array = NDArray[Any]


class Value(Protocol):
    """A row vector for each batch entry; `*` multiplies element by element."""

    def __add__(self, other: Any, /) -> Any:
        """The sum."""
        ...

    def __sub__(self, other: Any, /) -> Any:
        """The difference."""
        ...

    def __mul__(self, other: Any, /) -> Any:
        """The elementwise product."""
        ...


V = TypeVar("V", bound=Value)


class Algebra(Protocol[V]):
    """The operations of a step. Each weight comes with the name that text gives it."""

    @property
    def one(self) -> V:
        """1 in every column."""
        ...

    def times(self, value: V, matrix: Array, name: str) -> V:
        """`matrix` [out, in] applied to `value` [B, in]: [B, out]."""
        ...

    def scaled(self, value: V, diagonal: Array, name: str) -> V:
        """`value` [B, width] times `diagonal` [width]."""
        ...

    def shifted(self, value: V, bias: Array, name: str) -> V:
        """`value` [B, width] plus `bias` [width]."""
        ...

    def normalized(self, value: V, scale: Array, name: str) -> V:
        """The layer norm of `value` over its columns, times `scale` [width]."""
        ...

    def activation(self, function: str, value: V) -> V:
        """A key of `functions.ACTIVATIONS`, applied."""
        ...

    def clip(self, value: V, bound: float) -> V:
        """`value` within ±bound; 0 for no bound."""
        ...

    def let(self, name: str, value: V, called: str) -> V:
        """A quantity of the step; `called` is what a sentence calls it."""
        ...

    def new(self, k: int, name: str, value: V, called: str) -> V:
        """The new value of state k, as what follows in the step reads it."""
        ...
