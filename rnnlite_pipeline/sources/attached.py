"""Weights that did not pass through the converter become constants of its file (detached.py).

What the converter makes of a constant matrix, this makes of an argument:

1. In a loop that hands it on unchanged it is a constant of the body, and no operand.
2. A TRANSPOSE of it is the transposed constant.
3. BATCH_MATMUL with it is a FULLY_CONNECTED, whose matrix is transposed: [outputs, inputs]. The
   vector that is added to its result alone is its bias.
4. One weight is placed after the other, and what is not used of it is gone: each is in memory once
   more for the file, and no longer outside of it.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import consumers, replace_uses
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.sources.model import Array

#: The axes of a matrix that is transposed.
_TURNED = [1, 0]


def attach(model: Model, weights: list[Array]) -> None:
    """Makes constants of the main graph's last inputs, in place.

    Args:
        model: As the converter made it.
        weights: What each of these inputs holds, in their order; emptied, so that each is freed.
    """
    while weights:
        tensor = model.main.inputs.pop()
        _Placing(model, weights.pop()).place(model.main, tensor)


class _Placing:
    """One weight on its way into a model.

    Args:
        model: The model; changed in place.
        weight: What the weight holds.
    """

    def __init__(self, model: Model, weight: Array) -> None:
        self._model, self._weight = model, weight

    @cached_property
    def _plain(self) -> bytes:
        return self._weight.tobytes()

    @cached_property
    def _turned(self) -> bytes:
        return np.ascontiguousarray(self._weight.T).tobytes()

    def place(self, subgraph: Subgraph, tensor: Tensor) -> None:
        """Lets every op that reads a tensor read the weight.

        Args:
            subgraph: Where the tensor stands.
            tensor: An argument of the subgraph that is none any more.
        """
        seen = set[Op]()
        while readers := [op for op in consumers(subgraph)[tensor] if op not in seen]:
            for op in dict.fromkeys(readers):
                self._let_read(subgraph, op, tensor)
            seen |= {*readers}  # what reads the output of a loop that hands it on is new
        if consumers(subgraph)[tensor] or tensor in subgraph.outputs:
            tensor.shape, tensor.data = self._weight.shape, self._plain
        elif tensor in subgraph.tensors:
            subgraph.tensors.remove(tensor)

    def _let_read(self, subgraph: Subgraph, op: Op, tensor: Tensor) -> None:
        """Rules 1 to 3, for one op that reads it."""
        if op.code == "WHILE":
            self._into_loop(subgraph, op, tensor)
        elif op.code == "TRANSPOSE" and _axes(op) == _TURNED:
            replace_uses(self._model, subgraph, op.outputs[0], self._matrix(tensor))
            subgraph.ops.remove(op)
        elif op.code == "BATCH_MATMUL" and self._is_layer(op, tensor):
            matrix = tensor if op.options["adj_y"] else self._matrix(tensor)
            _to_fully_connected(subgraph, op, matrix)

    def _matrix(self, tensor: Tensor) -> Tensor:
        """The weight transposed."""
        shape = self._weight.shape[::-1]
        return Tensor(f"{tensor.name}/transposed", tensor.dtype, shape, self._turned)

    def _is_layer(self, op: Op, tensor: Tensor) -> bool:
        is_second = op.inputs[1] is tensor and op.inputs[0] is not tensor
        return is_second and self._weight.ndim == 2 and not op.options["adj_x"]

    def _into_loop(self, subgraph: Subgraph, loop: Op, tensor: Tensor) -> None:
        """Rule 1, where the loop hands the weight on."""
        cond, body = loop.options["cond_subgraph"], loop.options["body_subgraph"]
        for at in reversed(range(len(loop.inputs))):
            given, own = loop.inputs[at], body.inputs[at]
            if given is not tensor or body.outputs[at] is not own:
                continue
            for values in (body.outputs, loop.inputs):
                del values[at]
            replace_uses(self._model, subgraph, loop.outputs.pop(at), tensor)
            for inner in (cond, body):
                self.place(inner, inner.inputs.pop(at))


def _axes(op: Op) -> list[int]:
    axes = op.inputs[1].array if op.inputs[1] is not None else None
    return [] if axes is None else [int(axis) for axis in axes]


def _to_fully_connected(subgraph: Subgraph, op: Op, matrix: Tensor) -> None:
    """Rule 3, in place.

    Args:
        subgraph: Where the op stands.
        op: A BATCH_MATMUL of x and a weight.
        matrix: The weight, [outputs, inputs].
    """
    x = op.inputs[0]
    keeps = x is None or x.shape is None or len(x.shape) > 2
    new = make_op("FULLY_CONNECTED", [x, matrix, None], op.outputs, keep_num_dims=keeps)
    subgraph.ops[subgraph.ops.index(op)] = new
    _take_bias(subgraph, new)


def _take_bias(subgraph: Subgraph, product: Op) -> None:
    """Makes the vector that alone is added to a product its bias, with what follows the sum."""
    result = product.outputs[0]
    readers = consumers(subgraph)[result]
    if len(readers) != 1 or readers[0].code != "ADD" or result in subgraph.outputs:
        return
    (add,) = readers
    bias = next((t for t in add.inputs if t is not result), None)
    units = (result.shape or (0,))[-1]
    if bias is None or bias.data is None or bias.shape != (units,):
        return
    product.inputs[2] = bias
    product.outputs = add.outputs
    product.options["fused_activation_function"] = add.options["fused_activation_function"]
    subgraph.ops.remove(add)
