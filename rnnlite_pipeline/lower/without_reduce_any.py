"""REDUCE_ANY by ops that TensorFlow Lite Micro has."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.lower.rows import Has


def without_reduce_any(model: Model, has: Has) -> bool:
    """Rewrites each REDUCE_ANY that a target lacks, in place; returns whether there was one.

    By De Morgan: whether any is true is whether not all are false. A Keras mask, for one, is
    REDUCE_ANY of a comparison, and TensorFlow Lite Micro has REDUCE_ALL alone.

    Args:
        model: A model in builtin ops.
        has: Whether the targets have an op.
    """
    if has("REDUCE_ANY") or not (has("REDUCE_ALL") and has("LOGICAL_NOT")):
        return False
    changed = False
    for subgraph in model.subgraphs:
        ops: list[Op] = []
        for op in subgraph.ops:
            ops += _rewritten(op) if op.code == "REDUCE_ANY" else [op]
            changed |= op.code == "REDUCE_ANY"
        subgraph.ops = ops
    return changed


def _rewritten(op: Op) -> list[Op]:
    (x, axes), (result,) = op.inputs, op.outputs
    assert x is not None
    build = Builder(result.name)
    inverted = build.unary("LOGICAL_NOT", x)
    keep = bool(op.options.get("keep_dims"))
    none = build.op("REDUCE_ALL", [inverted, axes], "BOOL", result.shape, keep_dims=keep)
    build.ops.append(make_op("LOGICAL_NOT", [none], [result]))
    return build.ops
