"""Sizes are measured where they come from."""

from __future__ import annotations

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.dimensions import sources
from rnnlite_pipeline.graph.edit import producers, prune
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor

Place = tuple[Tensor, int]


def measure_at_inputs(model: Model) -> bool:
    """Takes a dimension from the tensor that it comes from, as far up as it can be followed.

    1. An element of SHAPE(t) becomes the element of SHAPE(u), where t's dimension is u's: through
       elementwise ops, products, reversals, transposes, fused ops and their like, to the input
       of the graph in the usual case.
    2. Where several operands are open and do not lead to one place, it stays: either could be 1.
    3. What a loop carries is not followed.

    Why: SHAPE is evaluated when tensors are allocated. An output of the default delegate
    (XNNPACK) can then still have the size of the call before, so that a state measured by it is
    too small, and the fused op writes past its end: wrong numbers from a batch of 17 on, in
    ai-edge-litert 2.3 (two LSTMs and a loop on one input; tests/transform/test_measure.py).
    """
    changed = False
    for subgraph in model.subgraphs:
        changed |= _measure(subgraph)
    return prune(model) or changed


def _measure(subgraph: Subgraph) -> bool:
    made = producers(subgraph)
    ops: list[Op] = []
    changed = False
    for op in subgraph.ops:
        measured = _measured(op, made)
        if measured is not None:
            tensor, axis = _root(measured, made)
            if tensor is not measured[0]:
                build = Builder(op.outputs[0].name)
                shape = build.shape(tensor)
                op.inputs = [shape, *map(build.indices, ([axis], [axis + 1], [1]))]
                ops += build.ops
                changed = True
        ops.append(op)
    subgraph.ops = ops
    return changed


def _measured(op: Op, made: dict[Tensor, Op]) -> Place | None:
    """The tensor and axis that an op takes the size of: STRIDED_SLICE(SHAPE(t), [a], [a + 1])."""
    if op.code != "STRIDED_SLICE" or op.inputs[0] not in made:
        return None
    shape = made[op.inputs[0]]
    begin, stride = (t.array if t is not None else None for t in (op.inputs[1], op.inputs[3]))
    tensor = shape.inputs[0] if shape.code == "SHAPE" else None
    if tensor is None or tensor.shape is None or begin is None or stride is None:
        return None
    one = begin.size == 1 and op.outputs[0].shape in ((), (1,)) and int(stride[0]) == 1
    return (tensor, int(begin[0]) % len(tensor.shape)) if one else None


def _root(place: Place, made: dict[Tensor, Op]) -> Place:
    tensor, axis = place
    op = made.get(tensor)
    if op is None or op.code == "WHILE":
        return place
    found = sources(op, op.outputs.index(tensor), axis) or []
    roots = [_root(p, made) for p in found if (p[0].shape or ())[p[1] : p[1] + 1] == (OPEN,)]
    same = bool(roots) and all(r[0] is roots[0][0] and r[1] == roots[0][1] for r in roots)
    return roots[0] if same else place
