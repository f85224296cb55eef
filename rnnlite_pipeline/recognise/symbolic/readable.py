"""What a rule can take a value as: a row of each batch entry, an integer linear in counters."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Index,
    Rows,
    Sequence,
    TensorList,
    Value,
)
from rnnlite_pipeline.shapes.linear import Counter, Linear


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
