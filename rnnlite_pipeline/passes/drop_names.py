"""Names that nobody reads are left out of the file."""

from __future__ import annotations

from rnnlite_pipeline.graph.edit import tensors
from rnnlite_pipeline.graph.ir import Model, Tensor

_COUNTS = frozenset({"INT32", "INT64", "BOOL"})


def drop_names(model: Model) -> bool:
    """Takes the names off tensors that no tool and no message speaks of.

    1. Inside loops and branches every tensor loses its name: the op of the main graph that runs
       them has one.
    2. In the main graph, scalars and vectors of integers do: the sizes that others are made by.
    3. Inputs, outputs, variables and what a signature names keep theirs, in every graph.

    It is done as the file is written, for passes and messages name what they speak of.
    """
    named = {t for s in model.signatures for side in (s.inputs, s.outputs) for t in side.values()}
    own = {model.main, *(signature.subgraph for signature in model.signatures)}
    changed = False
    for subgraph in model.subgraphs:
        kept = {*subgraph.inputs, *subgraph.outputs} if subgraph in own else set()
        for tensor in tensors(subgraph):
            if tensor.is_variable or tensor in named or tensor in kept:
                continue
            if subgraph not in own or _is_count(tensor):
                changed |= bool(tensor.name)
                tensor.name = ""
    return changed


def _is_count(tensor: Tensor) -> bool:
    return tensor.dtype in _COUNTS and len(tensor.shape or ()) < 2
