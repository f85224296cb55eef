"""Ranges of the values inside loops, measured by the loops themselves.

No value of a loop's body can be an output of the model. So each loop carries two more rows of
numbers: the smallest and the largest value that each tensor of its body took so far. A loop within
a loop goes on from the rows of the one around it. The model runs as it does without them, and is
changed nowhere: the loops that watch are new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor

#: Ops of a body whose values are watched elsewhere: where they come from.
_MOVERS = frozenset({"WHILE", "DYNAMIC_UPDATE_SLICE"})

#: How the rows are made, and how those of two turns are joined.
_ENDS = (("REDUCE_MIN", "MINIMUM"), ("REDUCE_MAX", "MAXIMUM"))


@dataclass(frozen=True)
class Row:
    """What one loop body says of its values.

    Attributes:
        tensors: The n values watched.
        low: The least each was, and 0, FLOAT32 [n].
        high: The largest, and 0.
    """

    tensors: tuple[Tensor, ...]
    low: Tensor
    high: Tensor


def watching(main: Subgraph) -> tuple[Subgraph, list[Row]]:
    """The main graph with loops that watch; the ops and tensors are else the given ones."""
    build = Builder("ranges")
    ops: list[Op] = []
    rows: list[Row] = []
    for op in main.ops:
        if op.code == "WHILE":
            op, own = _loop(op)  # noqa: PLW2901  # the loop in its place
            for row in own:
                zeros = build.constant("zeros", np.zeros(len(row.tensors), np.float32))
                op.inputs += [zeros, zeros]
            rows += own
        ops.append(op)
    return Subgraph(main.name, main.inputs, list(main.outputs), ops, main.tensors), rows


def _loop(op: Op) -> tuple[Op, list[Row]]:
    """A WHILE that watches; its caller appends the two operands of each row."""
    body, watched = _body(op.options["body_subgraph"])
    condition: Subgraph = op.options["cond_subgraph"]
    build = Builder(f"{body.name}/ranges")
    rows = [Row(tensors, *_pair(build, len(tensors))) for tensors in watched]
    ends = [end for row in rows for end in (row.low, row.high)]
    unread = [build.tensor("unread", "FLOAT32", end.shape) for end in ends]
    asked = Subgraph(condition.name, condition.inputs + unread, condition.outputs, condition.ops)
    options = {**op.options, "cond_subgraph": asked, "body_subgraph": body}
    outputs = [*op.outputs, *ends]
    return Op("WHILE", list(op.inputs), outputs, options, op.options_type, op.version), rows


def _body(body: Subgraph) -> tuple[Subgraph, list[tuple[Tensor, ...]]]:
    """A body that watches its values, and what its own loops say of theirs."""
    build = Builder(f"{body.name}/ranges")
    inputs, outputs = list(body.inputs), list(body.outputs)
    ops: list[Op] = []
    watched: list[tuple[Tensor, ...]] = []
    for op in body.ops:
        if op.code == "WHILE":
            op, rows = _loop(op)  # noqa: PLW2901  # the loop in its place
            for row in rows:
                before = _pair(build, len(row.tensors))
                op.inputs += before
                inputs += before
                outputs += [row.low, row.high]
                watched.append(row.tensors)
        ops.append(op)
    if own := tuple(_own(body)):
        for reduce, join in _ENDS:
            each = [_reduced(build, reduce, tensor) for tensor in own]
            row_of_all = build.op("PACK", each, "FLOAT32", [len(own)], values_count=len(own))
            before_all = build.tensor("before", "FLOAT32", [len(own)])
            inputs.append(before_all)
            outputs.append(build.binary(join, before_all, row_of_all))
        watched.append(own)
    return Subgraph(body.name, inputs, outputs, ops + build.ops, body.tensors), watched


def _own(body: Subgraph) -> Iterator[Tensor]:
    for op in body.ops:
        if op.code not in _MOVERS:
            yield from (t for t in op.outputs if t.dtype == "FLOAT32" and t.shape is not None)


def _reduced(build: Builder, code: str, tensor: Tensor) -> Tensor:
    axes = build.indices(list(range(len(tensor.shape or ()))))
    return build.op(code, [tensor, axes], "FLOAT32", [])


def _pair(build: Builder, count: int) -> tuple[Tensor, Tensor]:
    low, high = (build.tensor(end, "FLOAT32", [count]) for end in ("low", "high"))
    return low, high
