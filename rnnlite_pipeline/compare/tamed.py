"""A model with every matrix made smaller, so that no recurrence in it is chaotic."""

from __future__ import annotations

import copy

import numpy as np

from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.ops import PRODUCTS, RECURRENT


def tamed(model: Model, factor: float) -> Model:
    """The model with every constant matrix of its products times `factor`.

    Two models that compute the same by the same matrices, joined, parted or transposed, still do
    so. If one of them holds products of the other's matrices, they differ then: that they differ
    says nothing, and that they agree says much.
    """
    model = copy.deepcopy(model)
    matrices: dict[int, Tensor] = {}
    for op in model.ops():
        if op.code in PRODUCTS | RECURRENT:
            matrices |= {id(t): t for t in op.inputs if t is not None and _is_matrix(t)}
    for tensor in matrices.values():
        array = tensor.array
        assert array is not None, "a constant"
        tensor.hold(array * np.float32(factor))
    return model


def _is_matrix(tensor: Tensor) -> bool:
    return tensor.data is not None and tensor.dtype == "FLOAT32" and len(tensor.shape or ()) > 1
