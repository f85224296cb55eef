"""Reversals of a sequence become the direction of the recurrence that reads it."""

from __future__ import annotations

from dataclasses import replace

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import (
    Producers,
    bypass,
    each_until_settled,
    insert_before,
    permutation,
    reversed_axis,
    step_of,
)


def fold_reverse(model: Model) -> bool:
    """Moves REVERSE_V2 over time into recurrences.

    A TRANSPOSE may stand between a reversal and its reader in every rule.

    1. RECURRENCE(REVERSE(x)) is REVERSE(RECURRENCE in the other direction(x)); the final states
       are the same.
    2. REVERSE(REVERSE(z)) over one axis is z.
    3. Step k of REVERSE(z) is step -1 - k of z.
    """
    return each_until_settled(model, _fold_one)


def _fold_one(model: Model, subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    return any(
        _turn_recurrence(subgraph, op, made)
        or _cancel(model, subgraph, op, made)
        or _turn_step(subgraph, op, made)
        for op in list(subgraph.ops)
    )


def _turn_recurrence(subgraph: Subgraph, op: Op, made: Producers) -> bool:
    if op.code != RECURRENCE:
        return False
    recurrence: Recurrence = op.options["recurrence"]
    axis = 0 if recurrence.time_major else 1
    build = Builder(recurrence.name)
    x = _unreversed(build, made, op.inputs[0], axis)
    if x is None:
        return False
    insert_before(subgraph, op, build)
    op.inputs[0] = x
    op.options = {"recurrence": replace(recurrence, reverse=not recurrence.reverse)}
    y = op.outputs[0]
    after = Builder(recurrence.name)
    op.outputs[0] = after.tensor("time_aligned", y.dtype, y.shape)
    after.reverse(op.outputs[0], axis)
    after.ops[-1].outputs = [y]
    place = subgraph.ops.index(op) + 1
    subgraph.ops[place:place] = after.ops
    return True


def _cancel(model: Model, subgraph: Subgraph, op: Op, made: Producers) -> bool:
    axis = reversed_axis(op)
    if axis is None:
        return False
    build = Builder(op.outputs[0].name)
    z = _unreversed(build, made, op.inputs[0], axis)
    if z is None:
        return False
    if not bypass(model, subgraph, op.outputs[0], z):
        return False
    insert_before(subgraph, op, build)
    subgraph.ops.remove(op)
    return True


def _turn_step(subgraph: Subgraph, op: Op, made: Producers) -> bool:
    place = step_of(op)
    if place is None or op.code != "STRIDED_SLICE":
        return False
    axis, index = place
    build = Builder(op.outputs[0].name)
    z = _unreversed(build, made, op.inputs[0], axis)
    if z is None:
        return False
    build.step(z, axis, -1 - index)
    build.ops[-1].outputs = op.outputs
    insert_before(subgraph, op, build)
    subgraph.ops.remove(op)
    return True


def _unreversed(build: Builder, made: Producers, tensor: Tensor | None, axis: int) -> Tensor | None:
    """`tensor` before it was reversed along `axis`, or None if it was not."""
    op = made.get(tensor) if tensor is not None else None
    if op is None:
        return None
    if reversed_axis(op) == axis:
        return op.inputs[0]
    order = permutation(op)
    if order is None:
        return None
    source = _unreversed(build, made, op.inputs[0], order[axis])
    return None if source is None else build.transpose(source, order)
