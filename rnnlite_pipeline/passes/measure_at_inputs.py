"""Sizes are measured where they come from."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers, prune
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.slicing import Taken, read, written
from rnnlite_pipeline.shapes.extents import Extents, Place


def measure_at_inputs(model: Model) -> bool:
    """Takes a dimension from the tensor that it comes from, as far up as it can be followed.

    1. An element of SHAPE(t) becomes the element of SHAPE(u), where t's dimension is u's: through
       elementwise ops, products, reversals, transposes, fused ops and their like, to the input
       of the graph in the usual case.
    2. Where several operands are open and do not lead to one place, it stays: either could be 1.
    3. What a loop carries is followed where every step keeps its size.

    The walk is that of `recognise.extents`.

    Why: SHAPE is evaluated when tensors are allocated. An output of the default delegate
    (XNNPACK) can then still have the size of the call before, so that a state measured by it is
    too small, and the fused op writes past its end: wrong numbers from a batch of 17 on, in
    ai-edge-litert 2.3 (two LSTMs and a loop on one input; tests/passes/test_measure.py).
    """
    changed = False
    for subgraph in model.subgraphs:
        changed |= _measure(subgraph)
    return prune(model) or changed


def _measure(subgraph: Subgraph) -> bool:
    made, extents = producers(subgraph), Extents(subgraph)
    ops: list[Op] = []
    changed = False
    for op in subgraph.ops:
        measured = _measured(op, made)
        root = None if measured is None else extents.place(extents.dimension(*measured))
        if measured is not None and root is not None:
            tensor, axis = root
            if tensor is not measured[0]:
                build = Builder(op.outputs[0].name)
                shape = build.shape(tensor)
                how = written(shape, 0, Taken(axis, axis + 1))
                op.inputs = [shape, *map(build.indices, how.places)]
                ops += build.ops
                changed = True
        ops.append(op)
    subgraph.ops = ops
    return changed


def _measured(op: Op, made: dict[Tensor, Op]) -> Place | None:
    """The tensor and axis that an op takes the size of: STRIDED_SLICE(SHAPE(t), [a], [a + 1])."""
    taken, shape = read(op), made.get(op.inputs[0]) if op.inputs and op.inputs[0] else None
    if taken is None or shape is None or shape.code != "SHAPE":
        return None
    tensor, (only,) = shape.inputs[0], taken
    if tensor is None or tensor.shape is None or only.stride != 1:
        return None
    one = op.outputs[0].shape in ((), (1,))
    return (tensor, only.start % len(tensor.shape)) if one else None
