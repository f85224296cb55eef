"""What is measured and counted twice is measured and counted once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import has_side_effects, replace_uses
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor

#: The types that sizes, indices and conditions have.
_COUNTS = frozenset({"INT32", "INT64", "BOOL"})


def share_sizes(model: Model) -> bool:
    """Makes one of equal constants and of equal ops, where they are sizes and indices.

    1. Sizes and indices are scalars and vectors of INT32, INT64 and BOOL. What computes real
       numbers stays as it is: a buffer that is shared cannot be updated in place.
    2. Equal constants of a graph are one tensor.
    3. Ops of a graph are equal if they have one code, version and set of options, and read the
       same tensors; the first one stays. (Value numbering: Cocke, Global common subexpression
       elimination, 1970.)
    4. An output of a graph stays a tensor of its own.
    """
    changed = False
    for subgraph in model.subgraphs:
        changed |= _share_constants(subgraph)
        changed |= _share_ops(model, subgraph)
    return changed


def _share_constants(subgraph: Subgraph) -> bool:
    """Rule 2."""
    first: dict[Hashable, Tensor] = {}
    changed = False
    for op in subgraph.ops:
        for place, tensor in enumerate(op.inputs):
            if tensor is None or not _is_count(tensor) or tensor.data is None or tensor.extra:
                continue
            key = (tensor.dtype, tensor.shape, tensor.data)
            shared = first.setdefault(key, tensor)
            changed |= shared is not tensor
            op.inputs[place] = shared
    return changed


def _share_ops(model: Model, subgraph: Subgraph) -> bool:
    """Rules 3 and 4."""
    first: dict[Hashable, Op] = {}
    returned = {*subgraph.outputs}
    kept: list[Op] = []
    for op in subgraph.ops:
        same = first.setdefault(_key(op), op) if _counts(op) else op
        if same is op or not returned.isdisjoint(op.outputs):
            kept.append(op)
            continue
        for old, new in zip(op.outputs, same.outputs, strict=True):
            replace_uses(model, subgraph, old, new)
    changed = len(kept) < len(subgraph.ops)
    subgraph.ops = kept
    return changed


def _counts(op: Op) -> bool:
    """Whether all that an op does is to compute sizes."""
    plain = not (op.custom or op.extra or op.intermediates or any(called(op)))
    return plain and bool(op.outputs) and _all_counts(op.outputs) and not has_side_effects(op)


def _all_counts(tensors: Iterable[Tensor]) -> bool:
    return all(map(_is_count, tensors))


def _is_count(tensor: Tensor) -> bool:
    small = tensor.shape is not None and len(tensor.shape) < 2
    return tensor.dtype in _COUNTS and small and not tensor.is_variable


def _key(op: Op) -> Hashable:
    options = tuple(sorted((name, repr(value)) for name, value in op.options.items()))
    types = tuple((t.dtype, t.shape) for t in op.outputs)
    return op.code, op.version, op.options_type, options, tuple(map(id, op.inputs)), types
