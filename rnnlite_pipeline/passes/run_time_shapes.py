"""The run-time shape of a value inside a loop, taken before the loop is run.

A tensor that a loop fills needs its shape when it is allocated, outside; the items are computed
inside. `RunTimeShapes` walks from an item to the loop's operands, as far as the size of a
dimension provably follows from an op's inputs, and takes SHAPE there. Where an op's shape rule
is not known, the ops that lead to the value are copied in front of the loop, fed with the
operands, only to take the SHAPE of the copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import has_side_effects, producers
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.shapes.dimensions import Source, sources

#: The ops (outermost first) in whose subgraphs a value stands, each with the subgraph.
Frames = tuple[tuple[Op, Subgraph], ...]

#: A dimension: known now, or an int32 [1] tensor computed before the loop.
Dimension = int | Tensor


class RunTimeShapes:
    """Computes dimensions with ops that are appended to `builder`.

    Args:
        model: The graph; nothing of it is changed.
        builder: Its ops are to stand where the outermost frame's op stands.
    """

    def __init__(self, model: Model, builder: Builder) -> None:
        self._builder = builder
        self._producers = {t: op for s in model.subgraphs for t, op in producers(s).items()}
        self._known: dict[tuple[Tensor, int, Frames], Dimension | None] = {}
        self._copies: dict[tuple[Tensor, Frames], Tensor | None] = {}

    def dimension(self, tensor: Tensor, axis: int, frames: Frames) -> Dimension | None:
        """The size of `tensor` along `axis` in the first iteration, or None if not to be had.

        A TensorList counts as the tensor of its items, stacked along axis 0.
        """
        key = (tensor, axis, frames)
        if key not in self._known:
            self._known[key] = self._dimension(tensor, axis, frames)
        return self._known[key]

    def _dimension(self, tensor: Tensor, axis: int, frames: Frames) -> Dimension | None:
        is_list = tensor.dtype == "VARIANT"
        if not is_list:
            if tensor.shape is None:
                return None
            if tensor.shape[axis] != OPEN:
                return tensor.shape[axis]
            if not frames:
                return self._builder.dimension(tensor, axis)
        outer = operand(tensor, frames)
        if outer is not None:
            return self.dimension(outer, axis, frames[:-1])
        op = self._producers.get(tensor)
        before = None if op is None else sources(op, op.outputs.index(tensor), axis)
        found = None if before is None else self._combined(before, frames)
        if found is not None or is_list:
            return found
        copy = self._copy(tensor, frames)
        return None if copy is None else self._builder.dimension(copy, axis)

    def _combined(self, sources: Sequence[Source], frames: Frames) -> Dimension | None:
        """The broadcast of several sizes: each is the result's, or 1."""
        sizes = [self.dimension(tensor, axis, frames) for tensor, axis in sources]
        closed = [size for size in sizes if isinstance(size, int) and size != 1]
        if closed:
            return closed[0]
        if None in sizes:
            return None
        open_sizes = list(dict.fromkeys(s for s in sizes if isinstance(s, Tensor)))
        if not open_sizes:
            return 1
        result = open_sizes[0]
        for other in open_sizes[1:]:
            is_one = self._builder.binary("EQUAL", result, self._builder.indices([1]))
            result = self._builder.op("SELECT_V2", [is_one, other, result], "INT32", [1])
        return result

    def _copy(self, tensor: Tensor, frames: Frames) -> Tensor | None:
        """`tensor` computed in front of the loop from its operands, or None."""
        key = (tensor, frames)
        if key not in self._copies:
            self._copies[key] = self._copied(tensor, frames)
        return self._copies[key]

    def _copied(self, tensor: Tensor, frames: Frames) -> Tensor | None:
        if tensor.dtype == "VARIANT":
            return None
        if tensor.data is not None or not frames:
            return tensor
        outer = operand(tensor, frames)
        if outer is not None:
            return self._copy(outer, frames[:-1])
        op = self._producers.get(tensor)
        if op is None or op.custom or has_side_effects(op):
            return None
        inputs: list[Tensor | None] = []
        for value in op.inputs:
            copy = None if value is None else self._copy(value, frames)
            if value is not None and copy is None:
                return None
            inputs.append(copy)
        outputs = [self._builder.tensor(t.name, t.dtype, t.shape) for t in op.outputs]
        self._builder.ops.append(_like(op, inputs, outputs))
        self._copies |= {(t, frames): c for t, c in zip(op.outputs, outputs, strict=True)}
        return outputs[op.outputs.index(tensor)]


def operand(tensor: Tensor, frames: Frames) -> Tensor | None:
    """What the innermost frame's op feeds to `tensor`, if that is an input of its subgraph."""
    if not frames:
        return None
    op, subgraph = frames[-1]
    if tensor not in subgraph.inputs:
        return None
    return op.inputs[subgraph.inputs.index(tensor) + (op.code == "IF")]


def _like(op: Op, inputs: list[Tensor | None], outputs: list[Tensor]) -> Op:
    return Op(op.code, inputs, outputs, dict(op.options), op.options_type, op.version)
