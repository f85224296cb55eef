"""Rules of shape: what joins, splits, slices and reshapes do to symbolic values."""

from __future__ import annotations

from collections.abc import Sequence as Many

import numpy as np

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Apply
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Op
from rnnlite_pipeline.recognise.symbolic import tensor_writes
from rnnlite_pipeline.recognise.symbolic.arithmetic import activated
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Frames,
    PerRow,
    Piece,
    Rows,
    Unreadable,
    Value,
    linear,
    rows,
)


def joined(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """Rows side by side."""
    axis, rank = op.options["axis"], len(op.outputs[0].shape or ())
    plain = op.options["fused_activation_function"] == "NONE"
    if plain and all(isinstance(v, Const) for v in values):
        return (Const(np.concatenate([v.array for v in values if isinstance(v, Const)], axis)),)
    if any(isinstance(v, Piece) for v in values) and axis == 0:
        return tensor_writes.put_between(op, values)
    if axis % rank != rank - 1:
        raise Unreadable("its step joins values along another axis than the features")
    return (Rows(activated(op, forms.concatenated([rows(v) for v in values]))),)


def tiled(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A row several times side by side."""
    value, times = values
    if not isinstance(times, Const):
        raise Unreadable("its step repeats a value as often as data says")
    if isinstance(value, Const):
        return (Const(np.tile(value.array, times.array)),)
    *others, last = times.array.tolist()
    if any(each != 1 for each in others):
        raise Unreadable("its step repeats a value along another axis than the features")
    return (Rows(forms.concatenated([rows(value)] * last)),)


def split(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """The parts of a row."""
    axis_value, value = (values[0], values[1]) if op.code == "SPLIT" else (values[2], values[0])
    axis = linear(axis_value).constant
    rank = len(op.outputs[0].shape or ())
    widths = [(t.shape or ())[axis % rank] for t in op.outputs]
    ends = np.cumsum(widths)
    if isinstance(value, Const):
        return tuple(Const(part) for part in np.split(value.array, ends[:-1], axis))
    if axis % rank != rank - 1:
        raise Unreadable("its step splits a value along another axis than the features")
    form = rows(value)
    return tuple(Rows(form.columns(int(e) - w, int(e))) for e, w in zip(ends, widths, strict=True))


def reshaped(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """The same row in another rank."""
    value, shape = values[0], op.outputs[0].shape
    if isinstance(value, Const) and shape is not None and OPEN not in shape:
        return (Const(value.array.reshape(shape)),)
    if isinstance(value, PerRow) and shape is not None and len(shape) == 2 and shape[-1] == 1:
        return (Rows(value.form),)
    form = forms.concatenated(value.forms) if isinstance(value, Frames) else rows(value)
    others = [d for d in (shape or ())[:-1] if d != 1]
    if not shape or shape[-1] != form.width or len(others) > 1:
        raise Unreadable("its step reshapes a value across batch and features")
    return (Rows(form),)


def transposed(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A constant with its axes in another order."""
    value, order = values
    if isinstance(value, Const) and isinstance(order, Const):
        return (Const(value.array.transpose(order.array)),)
    raise Unreadable("its step transposes a value")


def filled(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A row as often as the batch has entries: one constant, or one that is there already."""
    shape = op.outputs[0].shape or (OPEN,)
    value, width = values[1 if op.code == "FILL" else 0], shape[-1]
    is_row = isinstance(value, Const) and value.array.shape[-1:] in ((), (1,), (width,))
    if width == OPEN or not isinstance(value, Rows | Const):
        raise Unreadable("its step makes a value of unknown width")
    if isinstance(value, Const) and is_row and value.array.size in (1, width):
        row = np.broadcast_to(value.array.reshape(-1), width).astype(np.float64)
        return (Rows(forms.constant(row)),)
    if not isinstance(value, Rows) or len([d for d in shape[:-1] if d != 1]) > 1:
        raise Unreadable("its step makes a value of unknown width")
    return (Rows(forms.widened(value.form, width)),)


def zeros(op: Op, _values: Many[Value]) -> tuple[Value, ...]:
    """A row of zeros."""
    width = (op.outputs[0].shape or (OPEN,))[-1]
    if width == OPEN:
        raise Unreadable("its step makes a value of unknown width")
    return (Rows(forms.constant(np.zeros(width))),)


def one_hot(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A class of each batch entry as a row that is `on` in its column and `off` in the others."""
    place, depth, on, off = values
    form = place.form if isinstance(place, PerRow) else rows(place)
    numbers = [v.array for v in (depth, on, off) if isinstance(v, Const)]
    last = op.options["axis"] in (-1, len(op.outputs[0].shape or ()) - 1)
    if form.width != 1 or len(numbers) < 3 or not last:
        raise Unreadable("its step makes classes of more than one number for each batch entry")
    columns = forms.constant(np.arange(int(numbers[0].reshape(()))))
    is_class = forms.apply("EQUAL", form, columns)
    return (Rows(chosen(is_class, *(float(n.reshape(())) for n in numbers[1:]))),)


def cast(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A number of another kind.

    1. A truth as a number is 1 or 0, a number as a truth whether it is not 0.
    2. A real number as an integer loses its fraction, which only a constant is read with.
    """
    value, source, target = values[0], op.inputs[0], op.outputs[0].dtype
    kind = source.dtype if source else target
    if isinstance(value, Const):
        return (Const(value.array.astype(NUMPY[target])),)
    if not isinstance(value, Rows | PerRow) or kind == target:
        return (value,)
    if target == "BOOL":
        return (type(value)(forms.apply("NOT_EQUAL", value.form, forms.constant(np.zeros(1)))),)
    if kind.startswith("FLOAT") and not target.startswith("FLOAT"):
        raise Unreadable("its step cuts a real number off to an integer")
    is_truth = kind == "BOOL" and isinstance(value, Rows) and isinstance(value.form.atom, Apply)
    return (Rows(chosen(value.form)) if is_truth else value,)


def chosen(mask: Form, on: float = 1.0, off: float = 0.0) -> Form:
    """`on` where a truth holds, `off` elsewhere."""
    numbers = (forms.constant(np.array([n])) for n in (on, off))
    return forms.apply("SELECT_V2", mask, *numbers)
