"""Counting loops, `for t in range(start, end, stride)`, or backwards, as WHILE ops; and IF ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Subgraph, Tensor
from rnnlite_pipeline.lower.emit import Emitter

#: An int32 scalar, known or computed.
Integer = int | Tensor

#: Appends a turn's ops, given the count, the carried tensors and what stays the same; returns the
#: carried tensors after it.
Body = Callable[[Emitter, Tensor, list[Tensor], Sequence[Any]], list[Tensor]]


def counting_loop(
    emit: Emitter,
    name: str,
    span: tuple[Integer, Integer],
    stride: Integer,
    *,
    backwards: bool,
    carried: Sequence[Tensor],
    same: Sequence[Integer],
    body: Body,
) -> list[Tensor]:
    """Appends a loop.

    Args:
        emit: The ops around the loop.
        name: What it goes through.
        span: The start, a multiple of the stride, and the end, which is not counted to.
        stride: How far a turn goes on.
        backwards: Whether it counts from the last multiple of the stride below the end down.
        carried: What each turn changes, as it is before the first.
        same: What each turn reads and none changes; a WHILE hands it on without a copy. Numbers
            need no operand.
        body: Appends a turn's ops.

    Returns:
        The carried tensors after the last turn.
    """
    first, bound = (_last(emit, span[1], stride), span[0]) if backwards else span
    held = _tensors((bound, stride, *same))
    operands = [scalar(emit, first), *carried, *held]
    size, prefix = 1 + len(carried), f"{emit.prefix}/{name}"

    def within(inputs: list[Tensor], value: Integer) -> Integer:
        return _inside(value, held, inputs[size:])

    def goes_on(inner: Emitter, inputs: list[Tensor]) -> list[Tensor]:
        compared = "GREATER_EQUAL" if backwards else "LESS"
        return [inner.binary(compared, inputs[0], scalar(inner, within(inputs, bound)))]

    def turn(inner: Emitter, inputs: list[Tensor]) -> list[Tensor]:
        new = body(inner, inputs[0], inputs[1:size], [within(inputs, value) for value in same])
        step = scalar(inner, within(inputs, stride))
        return [inner.binary("SUB" if backwards else "ADD", inputs[0], step), *new, *inputs[size:]]

    outputs = [emit.tensor(f"{name}_{k}", t.dtype, t.shape) for k, t in enumerate(operands)]
    subgraphs = {
        "cond_subgraph": _subgraph(f"{prefix}_condition", operands, goes_on),
        "body_subgraph": _subgraph(f"{prefix}_body", operands, turn),
    }
    emit.ops.append(make_op("WHILE", operands, outputs, **subgraphs))
    return outputs[1:size]


def run_if(
    emit: Emitter,
    name: str,
    condition: Tensor,
    carried: Sequence[Tensor],
    same: Sequence[Integer],
    *,
    body: Callable[[Emitter, list[Tensor], Sequence[Any]], list[Tensor]],
) -> list[Tensor]:
    """Appends an IF op that changes tensors, or leaves them as they are.

    Args:
        emit: The ops around it.
        name: What it does.
        condition: BOOL, a scalar.
        carried: What the body changes.
        same: What the body reads; numbers need no operand.
        body: Appends the ops that run where the condition is true.

    Returns:
        The carried tensors behind it.
    """
    held = _tensors(same)
    operands, size = [*carried, *held], len(carried)

    def then(inner: Emitter, inputs: list[Tensor]) -> list[Tensor]:
        read = [_inside(value, held, inputs[size:]) for value in same]
        return body(inner, inputs[:size], read)

    outputs = [emit.tensor(f"{name}_{k}", t.dtype, t.shape) for k, t in enumerate(carried)]
    prefix = f"{emit.prefix}/{name}"
    subgraphs = {
        "then_subgraph": _subgraph(f"{prefix}_then", operands, then),
        "else_subgraph": _subgraph(f"{prefix}_else", operands, lambda _, inputs: inputs[:size]),
    }
    emit.ops.append(make_op("IF", [condition, *operands], outputs, **subgraphs))
    return outputs


def _tensors(values: Sequence[Integer]) -> list[Tensor]:
    """The tensors among values, each once: what a subgraph that reads the values is given."""
    return list(dict.fromkeys(value for value in values if isinstance(value, Tensor)))


def _inside(value: Integer, held: list[Tensor], given: list[Tensor]) -> Integer:
    """A value in the subgraph that is given what `held` are around it."""
    return given[held.index(value)] if isinstance(value, Tensor) else value


def _last(emit: Emitter, end: Integer, stride: Integer) -> Integer:
    """The last multiple of the stride below the end."""
    if isinstance(end, int) and isinstance(stride, int):
        return (end - 1) // stride * stride
    last = emit.binary("SUB", scalar(emit, end), scalar(emit, 1))
    if isinstance(stride, int) and stride == 1:
        return last
    whole = emit.binary("FLOOR_DIV", last, scalar(emit, stride))
    return emit.binary("MUL", whole, scalar(emit, stride))


def numbers(emit: Emitter, start: Integer, stop: Integer, step: Integer) -> Tensor:
    """start, start + step, and so on below stop, int32 [ceil((stop - start) / step)]."""
    ends = [scalar(emit, value) for value in (start, stop, step)]
    return emit.op("RANGE", ends, "INT32", [OPEN])


def scalar(emit: Emitter, value: Integer) -> Tensor:
    """An int32 scalar, of a number or an int32 of one element."""
    if not isinstance(value, Tensor):
        return emit.constant("count", np.array(value, np.int32))
    return value if value.shape == () else emit.reshape(value, [])


def _subgraph(
    name: str,
    operands: Sequence[Tensor],
    write: Callable[[Emitter, list[Tensor]], list[Tensor]],
) -> Subgraph:
    """A function of the operands."""
    inner = Emitter(name)
    inputs = [inner.tensor(f"input_{k}", t.dtype, t.shape) for k, t in enumerate(operands)]
    outputs = write(inner, inputs)
    return Subgraph(name, inputs, outputs, inner.ops)
