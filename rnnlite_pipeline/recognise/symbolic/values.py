"""What a value inside a loop body can be, read symbolically."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.shapes.linear import Linear


@dataclass(frozen=True, eq=False)
class Const:
    """A constant of any dtype and rank."""

    array: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """A row vector for each batch entry: [B, form.width]."""

    form: Form


@dataclass(frozen=True, eq=False)
class PerRow:
    """One number for each batch entry: [B], held as the row of width 1 it stands for."""

    form: Form


@dataclass(frozen=True, eq=False)
class Frames:
    """Some steps of a sequence, one after the other: [B, number, form.width]."""

    forms: tuple[Form, ...]


@dataclass(frozen=True)
class Index:
    """An integer scalar, linear in the loop's counters and bounds."""

    linear: Linear


@dataclass(frozen=True)
class Indices:
    """A vector of integers, as a slice's begin is, or a shape."""

    items: tuple[Linear, ...]


@dataclass(frozen=True, eq=False)
class Sequence:
    """A tensor that stays the same in every step, read one step at a time.

    Attributes:
        variable: Of the loop.
        tensor: [T, B, F] or [B, T, F]; without F where each step is one number.
        row: The row that it is where it is read whole, if it can be one.
    """

    variable: int
    tensor: Tensor
    row: Form | None = None


@dataclass(frozen=True, eq=False)
class TensorList:
    """The list variable, after the writes made in this step.

    Attributes:
        variable: Of the loop.
        writes: Position and item of each.
        grows: Whether a write behind the list's end makes it longer.
    """

    variable: int
    writes: tuple[tuple[Linear, Tensor], ...] = ()
    grows: bool = False


@dataclass(frozen=True)
class Piece:
    """Items [start, stop) of the list in a loop variable that is one tensor; to its end if None."""

    variable: int
    start: Linear
    stop: Linear | None


@dataclass(frozen=True)
class Bound:
    """counter < limit, and every further bound that must hold to go on."""

    limits: tuple[tuple[Linear, Linear], ...]


@dataclass(frozen=True)
class Unknown:
    """What cannot be read, and why, in the user's terms."""

    reason: str


Value: TypeAlias = (
    Const
    | Rows
    | PerRow
    | Frames
    | Index
    | Indices
    | Sequence
    | TensorList
    | Piece
    | Bound
    | Unknown
)
