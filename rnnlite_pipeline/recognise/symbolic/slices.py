"""Rules of slices: one step of a sequence, some columns of a row, a part of a list."""

from __future__ import annotations

from collections.abc import Sequence as Many

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.recognise.symbolic import tensor_writes
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Frames,
    Item,
    PerRow,
    Rows,
    Sequence,
    TensorList,
    Unreadable,
    Value,
    linear,
    rows,
    whole,
)
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear
from rnnlite_pipeline.shapes.spans import Span

#: The ops that can take one step of a sequence.
STEPPING = frozenset({"GATHER", "SLICE", "STRIDED_SLICE"})


def gathered(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """One step of a sequence."""
    sequence, index = values
    if isinstance(sequence, Sequence):
        step = linear(index)
        return (_step(sequence, op.options.get("axis", 0), step, op.outputs[0]),)
    raise Unreadable("its step looks values up in a table")


def sliced(op: Op, values: Many[Value], extents: Extents) -> tuple[Value, ...]:
    """SLICE, STRIDED_SLICE: a part of a list, one step of a sequence, or some columns."""
    value = values[0]
    if isinstance(value, TensorList) and op.code == "SLICE":
        return tensor_writes.cut(values)
    spans = extents.spans(op)
    if not spans:
        raise Unreadable("its step slices a value in a way that is not read")
    moves = not all(span.start.is_constant for span in spans)
    if isinstance(value, Sequence) and (moves or value.row is None):
        return (_one_step(op, value, spans),)
    return (_columns(whole(value), spans),)


def _one_step(op: Op, sequence: Sequence, spans: list[Span]) -> Value:
    axes = [axis for axis, span in enumerate(spans) if not span.is_whole]
    if len(spans) > 2 and not spans[-1].is_whole:
        raise Unreadable("its step reads a part of the sequence's features")
    if len(axes) != 1:
        raise Unreadable("its step reads a part of its sequence other than one step")
    (axis,), span = axes, spans[axes[0]]
    if span.is_one:
        return _step(sequence, axis, span.start, op.outputs[0])
    count, shape = span.stop - span.start, sequence.tensor.shape or ()
    if axis != 1 or len(shape) != 3 or shape[2] == OPEN or not count.is_constant:
        raise Unreadable("its step reads a part of its sequence other than one step")
    places = (span.start + Linear(k) for k in range(count.constant))
    names = (Item(sequence.variable, axis, place) for place in places)
    return Frames(tuple(forms.symbol(name, shape[2]) for name in names))


def _columns(value: Value, spans: list[Span]) -> Value:
    *others, last = spans
    if any(span.shrunk for span in spans):
        raise Unreadable("its step takes one feature alone")
    if not all(span.is_whole for span in others):
        raise Unreadable("its step slices a value along the batch")
    if not (last.start.is_constant and last.stop.is_constant):
        raise Unreadable("its step slices a value in a way that is not read")
    start, stop = last.start.constant, last.stop.constant
    if isinstance(value, Const):
        return Const(value.array[..., start:stop])
    return Rows(rows(value).columns(start, stop))


def _step(sequence: Sequence, axis: int, index: Linear, output: Tensor) -> Value:
    shape = sequence.tensor.shape or ()
    if len(shape) == 2:
        return _number(sequence, axis, index, output)
    width = (output.shape or (OPEN,))[-1]
    if len(shape) != 3 or axis not in (0, 1) or width == OPEN:
        raise Unreadable(
            f"it reads steps of a tensor of rank {len(shape)}, not [batch, time, features]"
        )
    return Rows(forms.symbol(Item(sequence.variable, axis, index), width))


def _number(sequence: Sequence, axis: int, index: Linear, output: Tensor) -> Value:
    """A step that is one number for each batch entry: [B], or [B, 1] where it keeps the axis."""
    value = forms.symbol(Item(sequence.variable, axis, index), 1)
    if len(output.shape or ()) == 1:
        return PerRow(value)
    if axis == 0:
        raise Unreadable("its step reads a value along the batch")
    return Rows(value)
