"""Lists that are one tensor [T, B, n]: how a step puts its item into one.

Files that were lowered before carry such tensors: the stock converter joins what stands before
the item, the item, and what stands after it; others update a slice in place.
"""

from __future__ import annotations

from collections.abc import Sequence as Many

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.recognise.symbolic.values import (
    Const,
    Indices,
    Piece,
    TensorList,
    Unreadable,
    Value,
    linear,
)
from rnnlite_pipeline.shapes.linear import Linear


def places(value: Value) -> tuple[Linear, ...]:
    """A vector of integers, item by item.

    Raises:
        Unreadable: It is none.
    """
    if isinstance(value, Indices):
        return value.items
    if isinstance(value, Const) and value.array.ndim == 1:
        return tuple(Linear(int(v)) for v in value.array)
    return (linear(value),)


def cut(values: Many[Value]) -> tuple[Value, ...]:
    """SLICE of such a list along its first axis."""
    source, begin, size = values
    starts, sizes = places(begin), places(size)
    if (
        not isinstance(source, TensorList)
        or source.writes
        or any(s != Linear() for s in starts[1:])
    ):
        raise Unreadable("its step slices a list in a way that is not read")
    stop = None if sizes[0] == Linear(-1) else starts[0] + sizes[0]
    return (Piece(source.variable, starts[0], stop),)


def put_between(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """CONCATENATION of the items before, this step's, and the items after."""
    before, item, after = values if len(values) == 3 else (None, None, None)
    ends = isinstance(before, Piece) and isinstance(after, Piece)
    tensor = op.inputs[1] if ends else None
    if tensor is None or not isinstance(before, Piece) or not isinstance(after, Piece):
        raise Unreadable("its step joins parts of a list in a way that is not read")
    place = before.stop
    whole = before.start == Linear() and after.stop is None
    if place is None or not whole or after.start != place + Linear(1) or isinstance(item, Piece):
        raise Unreadable("its step joins parts of a list in a way that is not read")
    return (TensorList(before.variable, ((place, tensor),)),)


def updated(op: Op, values: Many[Value]) -> tuple[Value, ...]:
    """DYNAMIC_UPDATE_SLICE of such a list by one item."""
    target, _, start = values
    starts, item = places(start), op.inputs[1]
    one = item is not None and item.shape is not None and item.shape[0] == 1
    if not isinstance(target, TensorList) or item is None or not one:
        raise Unreadable("its step updates more than one item of a list")
    if any(s != Linear() for s in starts[1:]):
        raise Unreadable("its step updates a part of an item")
    return (TensorList(target.variable, (*target.writes, (starts[0], item))),)
