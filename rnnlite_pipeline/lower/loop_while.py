"""Counting loops: `for t in range(first, bound, stride)` as a WHILE op."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Subgraph, Tensor
from rnnlite_pipeline.lower.emit import Emitter

#: Appends a turn's ops, given the count, the carried tensors and those that stay the same;
#: returns the carried tensors after it.
Body = Callable[[Emitter, Tensor, list[Tensor], list[Tensor]], list[Tensor]]

#: An int32 scalar, known or computed.
Integer = int | Tensor


def counting_loop(
    emit: Emitter,
    name: str,
    counts: tuple[Integer, Integer, int],
    *,
    carried: Sequence[Tensor],
    same: Sequence[Tensor],
    body: Body,
) -> list[Tensor]:
    """Appends a loop.

    Args:
        emit: The ops around the loop.
        name: What it goes through.
        counts: The first count, the bound, and the stride. A positive stride ends before the
            bound, a negative one with it.
        carried: What each turn changes, as it is before the first.
        same: What each turn reads and none changes; a WHILE hands it on without a copy.
        body: Appends a turn's ops.

    Returns:
        The carried tensors after the last turn.
    """
    first, bound, stride = counts
    bounds = [bound] if isinstance(bound, Tensor) else []
    operands = [scalar(emit, first), *carried, *bounds, *same]
    size, prefix = 1 + len(carried), f"{emit.prefix}/{name}"

    def goes_on(inner: Emitter, inputs: list[Tensor]) -> list[Tensor]:
        limit = inputs[size] if bounds else scalar(inner, bound)
        return [inner.binary("LESS" if stride > 0 else "GREATER_EQUAL", inputs[0], limit)]

    def turn(inner: Emitter, inputs: list[Tensor]) -> list[Tensor]:
        new = body(inner, inputs[0], inputs[1:size], inputs[size + len(bounds) :])
        return [inner.binary("ADD", inputs[0], scalar(inner, stride)), *new, *inputs[size:]]

    outputs = [emit.tensor(f"{name}_{k}", t.dtype, t.shape) for k, t in enumerate(operands)]
    subgraphs = {
        "cond_subgraph": _subgraph(f"{prefix}_condition", operands, goes_on),
        "body_subgraph": _subgraph(f"{prefix}_body", operands, turn),
    }
    emit.ops.append(make_op("WHILE", operands, outputs, **subgraphs))
    return outputs[1:size]


def scalar(emit: Emitter, value: Integer) -> Tensor:
    """An int32 scalar."""
    return value if isinstance(value, Tensor) else emit.constant("count", np.array(value, np.int32))


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
