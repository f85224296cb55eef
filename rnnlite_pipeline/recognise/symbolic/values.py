"""What a value inside a loop body can be, read symbolically, and what a rule can take it as.

A rule takes a value as one row for each batch entry, or as an integer linear in counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.shapes.linear import Counter, Linear


class Item(str):
    """A step of a sequence, as a symbol's name.

    Attributes:
        number: The loop variable that holds the sequence; of steps written out, the sequence.
        axis: The axis of time.
        place: The position, linear in the loop's counters.
    """

    __slots__ = ("axis", "number", "place")
    number: int
    axis: int
    place: Linear

    def __new__(cls, number: int, axis: int = 0, place: Linear | None = None) -> Self:
        """A step of the sequence with this number; where `place` is None, every step."""
        text = f"x{number}"
        if place is not None:
            factors = ",".join(f"{n}*{f}" for n, f in sorted(place.factors))
            text += f"|{axis}|{place.constant}|{factors}"
        made = super().__new__(cls, text)
        made.number, made.axis, made.place = number, axis, place or Linear()
        return made

    def __getnewargs__(self) -> tuple[int, int, Linear | None]:  # type: ignore[override]
        """What a copy is made from."""
        return self.number, self.axis, self.place if "|" in self else None


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


def constant(tensor: Tensor) -> Value:
    """The value of a constant; unknown where its numbers stand for others, or it is none."""
    if tensor.quantization is not None and tensor.quantization.scale:
        return Unknown(f"it reads {tensor.name}, which is quantized")
    if tensor.array is None:
        return Unknown(f"it reads {tensor.name}, which is not there")
    return Const(tensor.array)


class Unreadable(Exception):
    """A rule found a value that it does not handle."""


def whole(value: Value) -> Value:
    """What a value is to an op that takes no single step of it."""
    if isinstance(value, Sequence) and value.row is not None:
        return Rows(value.row)
    return value


def rows(value: Value) -> Form:
    """The value as a form; a constant row is one."""
    if isinstance(value, Rows):
        return value.form
    if isinstance(value, Index):
        return _counted(value.linear)
    if isinstance(value, Const) and value.array.size == (value.array.shape or (1,))[-1]:
        return forms.constant(value.array)
    if isinstance(value, TensorList):
        raise Unreadable("its step computes with a carried list, not one row a batch entry")
    raise Unreadable("its step mixes a value that is not one row for each batch entry")


def _counted(linear: Linear) -> Form:
    """A counter as a row of width 1, its symbols the loop's counters."""
    total = forms.constant(np.array([linear.constant]))
    for name, factor in sorted(linear.factors):
        if not isinstance(name, Counter):
            raise Unreadable("its step computes with a length known only at run time")
        total = total + forms.symbol(name, 1).scaled(np.array([float(factor)]))
    return total


def linear(value: Value) -> Linear:
    """The value as an integer linear in counters and lengths."""
    if isinstance(value, Index):
        return value.linear
    if isinstance(value, Const) and value.array.size == 1 and value.array.dtype.kind in "iu":
        return Linear(int(value.array.reshape(-1)[0]))
    raise Unreadable("its step computes an index that is not linear in the step's number")
