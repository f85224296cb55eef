"""Constants that a file stores without their zeros are stored whole."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.edit import producers, replace_uses, tensors
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor

#: The version by which the delegate tells a FULLY_CONNECTED with sparse weights, and leaves it
#: (LiteRT tflite/delegates/xnnpack/xnnpack_delegate.cc), and the one for float weights with
#: `keep_num_dims` (tflite/tools/versioning/op_version.cc).
SPARSE_VERSION, DENSE_VERSION = 8, 5


def sparse_constants(model: Model) -> Iterator[Tensor]:
    """The constants of a model that are stored sparse."""
    for subgraph in model.subgraphs:
        yield from (tensor for tensor in tensors(subgraph) if tensor.sparsity is not None)


def densify(model: Model) -> bool:
    """Stores sparse constants whole, in place, so that passes need not know of them.

    1. A constant with SparsityParameters holds its zeros (graph/sparse.py).
    2. DENSIFY of a constant is that constant.
    3. A FULLY_CONNECTED of version 8, which the delegate leaves to the runtime's sparse kernel,
       gets a version that the delegate takes.

    What is worth it is stored sparse again at the end (block_sparse.py).

    Raises:
        ModelFormatError: The parameters of a constant contradict themselves.
    """
    found = list(sparse_constants(model))
    for op in model.ops():
        if op.code == "FULLY_CONNECTED" and op.version == SPARSE_VERSION and op.inputs[1] in found:
            op.version = DENSE_VERSION
    for tensor in found:
        if (whole := tensor.array) is not None:
            tensor.hold(whole)
    changed = bool(found)
    for subgraph in model.subgraphs:
        changed |= _without_op(model, subgraph)
    return changed


def _without_op(model: Model, subgraph: Subgraph) -> bool:
    """Rule 2."""
    made = producers(subgraph)
    gone: list[Op] = []
    for op in subgraph.ops:
        stored = op.inputs[0] if op.code == "DENSIFY" else None
        if stored is not None and stored.data is not None and stored not in made:
            replace_uses(model, subgraph, op.outputs[0], stored)
            gone.append(op)
    subgraph.ops = [op for op in subgraph.ops if op not in gone]
    return bool(gone)
