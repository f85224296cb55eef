"""Rules of shape: what joins, splits, slices and reshapes do to symbolic values."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.recognise import algebra, tensor_writes
from rnnlite_pipeline.recognise.arithmetic import activated
from rnnlite_pipeline.recognise.extents import Linear
from rnnlite_pipeline.recognise.readable import Unreadable, linear, rows
from rnnlite_pipeline.recognise.values import (
    Const,
    Extent,
    Index,
    Indices,
    PerRow,
    Piece,
    Rows,
    Sequence,
    TensorList,
    Value,
)


def joined(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """Rows side by side."""
    axis, rank = op.options["axis"], len(op.outputs[0].shape or ())
    if all(isinstance(v, Const) for v in values):
        return (Const(np.concatenate([v.array for v in values if isinstance(v, Const)], axis)),)
    if any(isinstance(v, Piece) for v in values) and axis == 0:
        return tensor_writes.put_between(op, values)
    vector = tensor_writes.integers(values) if rank == 1 else None
    if vector is not None:
        return (vector,)
    if axis % rank != rank - 1:
        raise Unreadable("its step joins values along another axis than the features")
    return (Rows(activated(op, algebra.concatenated([rows(v) for v in values]))),)


def packed(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """Integers as a vector, such as the begin of a slice."""
    if any(isinstance(v, Extent) for v in values):
        return (Extent(),)
    return (Indices(tuple(linear(v) for v in values)),)


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
    if isinstance(value, Index):
        return (value,)
    if isinstance(value, PerRow) and shape is not None and shape[-1] == 1 and len(shape) == 2:
        return (Rows(value.form),)
    form = rows(value)
    others = [d for d in (shape or ())[:-1] if d != 1]
    if shape is None or shape[-1] != form.width or len(others) > 1:
        raise Unreadable("its step reshapes a value across batch and features")
    return (Rows(form),)


def transposed(_op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A constant with its axes in another order."""
    value, order = values
    if isinstance(value, Const) and isinstance(order, Const):
        return (Const(value.array.transpose(order.array)),)
    raise Unreadable("its step transposes a value")


def gathered(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """One step of a sequence."""
    sequence, index = values
    if isinstance(sequence, Sequence):
        step = linear(index)
        return (_step(sequence, op.options.get("axis", 0), step, op.outputs[0]),)
    raise Unreadable("its step looks values up in a table")


def sliced(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """Some columns of a row, or one step of a sequence."""
    value = values[0]
    if isinstance(value, Extent):
        return (value,)
    if isinstance(value, Sequence):
        return (_sliced_step(op, values, value),)
    places = [v.array for v in values[1:4] if isinstance(v, Const)]
    source, options = op.inputs[0], op.options
    shape = (source.shape if source else None) or ()
    unread = ("ellipsis_mask", "new_axis_mask", "offset")
    if len(places) != 3 or not shape or any(options.get(name) for name in unread):
        raise Unreadable("its step slices a value in a way that is not read")
    begin, end, stride = places
    if np.any(stride != 1) or options.get("shrink_axis_mask"):
        raise Unreadable("its step takes every other feature, or one alone")
    last = len(shape) - 1
    for axis in range(min(last, len(begin))):
        if not _is_whole(shape[axis], axis, int(begin[axis]), int(end[axis]), options):
            raise Unreadable("its step slices a value along the batch")
    if len(begin) <= last:
        return (value,)
    width = rows(value).width if not isinstance(value, Const) else value.array.shape[-1]
    start = 0 if options.get("begin_mask", 0) >> last & 1 else int(begin[-1])
    stop = width if options.get("end_mask", 0) >> last & 1 else int(end[-1])
    start, stop, _ = slice(start, stop).indices(width)
    if isinstance(value, Const):
        return (Const(value.array[..., start:stop]),)
    return (Rows(rows(value).columns(start, stop)),)


def cut(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """SLICE: a part of a list that is one tensor, one step of a sequence, or some columns."""
    value = values[0]
    if isinstance(value, TensorList):
        return tensor_writes.cut(values)
    starts, sizes = (tensor_writes.places(v) for v in values[1:3])
    shape = (op.inputs[0].shape if op.inputs[0] else None) or ()
    whole = [
        start == Linear() and size in (Linear(-1), Linear(length))
        for start, size, length in zip(starts, sizes, shape, strict=True)
    ]
    if isinstance(value, Sequence):
        axes = [axis for axis in range(len(whole)) if not whole[axis]]
        if len(axes) != 1 or sizes[axes[0]] != Linear(1):
            raise Unreadable("its step slices a sequence in a way that is not read")
        return (_step(value, axes[0], starts[axes[0]], op.outputs[0]),)
    if not all(whole[:-1]) or not (starts[-1].is_constant and sizes[-1].is_constant):
        raise Unreadable("its step slices a value along the batch")
    start, form = starts[-1].constant, rows(value)
    stop = form.width if sizes[-1] == Linear(-1) else start + sizes[-1].constant
    return (Rows(form.columns(start, stop)),)


def _is_whole(length: int, axis: int, begin: int, end: int, options: dict[str, Any]) -> bool:
    """Whether a slice of stride 1 takes all of an axis."""
    from_start = options.get("begin_mask", 0) >> axis & 1 or begin == 0
    to_end = options.get("end_mask", 0) >> axis & 1 or (length != OPEN and end >= length)
    return bool(from_start and to_end)


def _sliced_step(op: Op, values: Many[Value], sequence: Sequence) -> Value:
    """One step of a sequence, taken by a slice that shrinks the axis of time."""
    begin = values[1]
    starts = begin.items if isinstance(begin, Indices) else ()
    if isinstance(begin, Index):
        starts = (begin.linear,)
    if isinstance(begin, Const):
        starts = tuple(Linear(int(b)) for b in begin.array)
    shrunk = op.options.get("shrink_axis_mask", 0)
    axes = [a for a in range(len(starts)) if shrunk >> a & 1]
    if len(axes) != 1 or op.options.get("ellipsis_mask") or op.options.get("new_axis_mask"):
        raise Unreadable("its step slices a sequence in a way that is not read")
    full = op.options.get("begin_mask", 0) & op.options.get("end_mask", 0)
    if any(not full >> a & 1 for a in range(len(starts)) if a != axes[0]):
        raise Unreadable("its step reads a part of the sequence's features")
    return _step(sequence, axes[0], starts[axes[0]], op.outputs[0])


def _step(sequence: Sequence, axis: int, index: Linear, output: Tensor) -> Value:
    shape = sequence.tensor.shape or ()
    width = (output.shape or (OPEN,))[-1]
    if len(shape) != 3 or axis not in (0, 1) or width == OPEN:
        raise Unreadable(
            f"it reads steps of a tensor of rank {len(shape)}, not [batch, time, features]"
        )
    name = step_name(sequence.variable, axis, index)
    return Rows(algebra.symbol(name, width))


def step_name(variable: int, axis: int, index: Linear) -> str:
    """The name of the symbol for one step of the sequence in a loop variable."""
    factors = ",".join(f"{n}*{f}" for n, f in sorted(index.factors))
    return f"x{variable}|{axis}|{index.constant}|{factors}"


def measured(_op: Op, _values: Many[Value]) -> tuple[Value, ...]:
    """A shape, or numbers out of one and beside one."""
    return (Extent(),)


def filled(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """A constant row, as often as the batch has entries."""
    width = (op.outputs[0].shape or (OPEN,))[-1]
    value = values[1 if op.code == "FILL" else 0]
    if width == OPEN or not isinstance(value, Const) or value.array.size not in (1, width):
        raise Unreadable("its step makes a value of unknown width")
    row = np.broadcast_to(value.array.reshape(-1), width).astype(np.float64)
    return (Rows(algebra.constant(row)),)


def zeros(op: Op, _values: Many[Value]) -> tuple[Value, ...]:
    """A row of zeros."""
    width = (op.outputs[0].shape or (OPEN,))[-1]
    if width == OPEN:
        raise Unreadable("its step makes a value of unknown width")
    return (Rows(algebra.constant(np.zeros(width))),)
