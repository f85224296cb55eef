"""No copy joins the inside of a delegated part with its outside."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.runtimes.delegated import DelegatedPart, delegated_parts, may_cross
from rnnlite_pipeline.runtimes.partition import cut, has_foreign_ops


def fence_copies(model: Model) -> bool:
    """Rewrites each copy that the default delegate would make across the border of a part.

    1. A FULLY_CONNECTED keeps its dimensions (`keep_num_dims`). Of a matrix that is the same. Of
       more dimensions the result is then reshaped.
    2. A SPLIT that crosses is a SPLIT_V, which the delegate does not take.
    3. Any other copy that crosses gets CASTs to the dtype that is there already, between it and
       what stands inside. The delegate takes no CAST, so all that the copy touches stands outside.
    4. After a rewrite the parts are other ones: this goes on until no copy crosses.
    5. A model with one part is left alone: there is no other part whose planning could move it.

    Requires: no pseudo op. Ops that LiteRT has no kernel for stand in the main graph alone.
    Ensures: `crossing(model)` is empty.
    """
    changed = False
    if _has_one_part(model):
        return False
    for subgraph in model.subgraphs:
        changed |= _keep_dimensions(subgraph)
        while found := _crossing(model, subgraph):
            for op, part in found:
                _rewrite(subgraph, op, part)
            changed = True
    return changed


def crossing(model: Model) -> list[Op]:
    """The copies that join the inside of a part with its outside, where there are several parts."""
    found = [op for subgraph in model.subgraphs for op, _ in _crossing(model, subgraph)]
    return [] if found and _has_one_part(model) else found


def _has_one_part(model: Model) -> bool:
    """Whether the delegate runs one part of a model at most."""
    count = 0
    for subgraph in model.subgraphs:
        for runnable in _runnable(model, subgraph):
            count += len(delegated_parts(runnable))
            if count > 1:
                return False
    return True


def _crossing(model: Model, subgraph: Subgraph) -> list[tuple[Op, DelegatedPart]]:
    parts = [p for s in _runnable(model, subgraph) if may_cross(s) for p in delegated_parts(s)]
    return [(op, part) for part in parts for op in part.ops if part.crosses(op)]


def _runnable(model: Model, subgraph: Subgraph) -> list[Subgraph]:
    """The subgraph, or its parts between ops that LiteRT has no kernel for."""
    if subgraph is not model.main or not has_foreign_ops(model):
        return [subgraph]
    return [
        Subgraph("part", list(part.inputs), list(part.outputs), list(part.ops))
        for part in cut(model)
        if not part.foreign
    ]


def _keep_dimensions(subgraph: Subgraph) -> bool:
    """Rule 1 for matrices."""
    changed = False
    for op in subgraph.ops:
        shape = op.inputs[0].shape if op.inputs and op.inputs[0] is not None else None
        if op.code == "FULLY_CONNECTED" and not op.options["keep_num_dims"] and shape is not None:
            op.options["keep_num_dims"] = len(shape) == 2
            changed |= len(shape) == 2
    return changed


def _rewrite(subgraph: Subgraph, op: Op, part: DelegatedPart) -> None:
    widths = _widths(op)
    if op.code == "SPLIT" and OPEN not in widths:
        new = [_split_by_widths(op, widths)]
    elif op.code == "FULLY_CONNECTED" and op.inputs[0] is not None and op.inputs[0].shape:
        new = _reshaped_after(op)
    else:
        new = _fenced(op, part)
    place = subgraph.ops.index(op)
    subgraph.ops[place : place + 1] = new


def _widths(op: Op) -> list[int]:
    """How wide the outputs of a SPLIT are; OPEN where that is not known."""
    axis = op.inputs[0].array if op.code == "SPLIT" and op.inputs[0] is not None else None
    if axis is None:
        return [OPEN]
    return [(t.shape or (OPEN,))[int(axis.item())] if t.shape else OPEN for t in op.outputs]


def _split_by_widths(op: Op, widths: list[int]) -> Op:
    axis, value = op.inputs
    sizes = Tensor.constant(f"{op.outputs[0].name}/widths", np.asarray(widths, np.int32))
    return make_op("SPLIT_V", [value, sizes, axis], op.outputs, num_splits=len(widths))


def _reshaped_after(op: Op) -> list[Op]:
    """Rule 1 for more dimensions."""
    (x, weights, *_), (out,) = op.inputs, op.outputs
    assert x is not None and weights is not None and x.shape and weights.shape  # noqa: PT018
    units = weights.shape[0]
    build = Builder(out.name)
    whole = build.tensor("whole", out.dtype, (*x.shape[:-1], units))
    whole.quantization = out.quantization
    kept = Op(op.code, op.inputs, [whole], op.options | {"keep_num_dims": True}, op.options_type)
    kept.version = op.version
    build.reshape(whole, [OPEN, units])
    build.ops[-1].outputs = [out]
    return [kept, *build.ops]


def _fenced(op: Op, part: DelegatedPart) -> list[Op]:
    """Rule 3."""
    before: list[Op] = []
    after: list[Op] = []

    def is_inside(tensor: Tensor | None) -> bool:
        return tensor is not None and tensor.data is None and tensor not in part.outside

    for place, tensor in enumerate(op.inputs):
        if tensor is not None and is_inside(tensor) and _is_moved(op, place):
            op.inputs[place] = _copy_of(tensor, "fenced")
            before.append(_cast(tensor, op.inputs[place]))
    for place, tensor in enumerate(op.outputs):
        if is_inside(tensor):
            op.outputs[place] = _copy_of(tensor, "unfenced")
            after.append(_cast(op.outputs[place], tensor))
    return [*before, op, *after]


def _is_moved(op: Op, place: int) -> bool:
    """Whether an operand is copied, rather than telling how, or naming a variable."""
    if op.code == "READ_VARIABLE":
        return False
    return op.code == "CONCATENATION" or place == {"SPLIT": 1, "ASSIGN_VARIABLE": 1}.get(op.code, 0)


def _copy_of(tensor: Tensor, suffix: str) -> Tensor:
    name = f"{tensor.name}/{suffix}"
    return Tensor(name, tensor.dtype, tensor.shape, quantization=tensor.quantization)


def _cast(source: Tensor, target: Tensor | None) -> Op:
    assert target is not None
    dtype = enum_values("TensorType")[source.dtype]
    return make_op("CAST", [source], [target], in_data_type=dtype, out_data_type=dtype)
