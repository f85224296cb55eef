"""Shapes that the interpreter can evaluate before it runs the model."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.passes.sequence_ops import (
    Producers,
    each_until_settled,
    insert_before,
    step_of,
)


def early_shapes(model: Model) -> bool:
    """Writes the shapes of RESHAPE, FILL and others so that they are known while preparing.

    Keras' Reshape and TimeDistributed of an open batch come out as RESHAPE to a PACK of
    dimensions. The interpreter evaluates SHAPE, STRIDED_SLICE and CONCATENATION early, but not
    PACK (shapes/late.py), so all that follows has a size known at run time only, and is prepared
    when the model runs.

    1. PACK of integer scalars, each a constant, one element of a vector or a product of such, is
       the CONCATENATION of vectors of one element.
    2. A RESHAPE to a scalar has no operand for the shape: the empty constant that says it is no
       constant to the interpreter.
    """
    return each_until_settled(model, _rewrite_one)


def _rewrite_one(_: Model, subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    for op in subgraph.ops:
        if op.code == "RESHAPE" and len(op.inputs) == 2 and _is_empty(op.inputs[1]):
            place = subgraph.ops.index(op)
            subgraph.ops[place] = make_op("RESHAPE", op.inputs[:1], op.outputs, new_shape=[])
            return True
        if op.code != "PACK" or op.outputs[0].dtype not in ("INT32", "INT64"):
            continue
        build = Builder(op.outputs[0].name)
        parts = [_vector(build, made, t) for t in op.inputs]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            continue
        build.concatenate(known, 0)
        build.ops[-1].outputs = op.outputs
        insert_before(subgraph, op, build)
        subgraph.ops.remove(op)
        return True
    return False


def _is_empty(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.array is not None and not tensor.array.size


def _vector(build: Builder, made: Producers, scalar: Tensor | None) -> Tensor | None:
    """The scalar as a vector of one element, or None if it is something else."""
    if scalar is None or scalar.shape != ():
        return None
    if scalar.array is not None:
        return build.constant("dimension", scalar.array.reshape(1))
    op = made.get(scalar)
    if op is not None and op.code in ("GATHER", "REDUCE_PROD"):
        return build.reshape(scalar, [1])
    return _element(build, op)


def _element(build: Builder, op: Op | None) -> Tensor | None:
    place = step_of(op) if op is not None and op.code == "STRIDED_SLICE" else None
    source = op.inputs[0] if op is not None else None
    if place is None or source is None or source.shape is None or len(source.shape) != 1:
        return None
    index = place[1]
    return build.part(source, 0, index, None if index == -1 else index + 1)
