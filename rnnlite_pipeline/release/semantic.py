"""A digest that is equal for two models that compute the same, independent of the toolchain."""

from __future__ import annotations

import json
from typing import Any

from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Subgraph, Tensor
from rnnlite_pipeline.release.digests import sha256

#: Ops that read or write what lives outside the graph of values.
_RESOURCES = frozenset({"ASSIGN_VARIABLE", "READ_VARIABLE", "CALL_ONCE"})


def semantic_digest(model: Model) -> str:
    """The sha256 of what a model computes.

    Two models with one digest are the same graph over the same constants. It sees:

    1. each value by how it is made: the op's code, its options that are not zero, the values it
       reads in their order, and the type and quantization of what it makes;
    2. constants by type, shape, quantization and bytes;
    3. the inputs by type and shape, in their order, and the signatures' names for all of them;
    4. states: in which order ops write, use and read each variable, and at which of their
       operands; and the order of resource ops.

    It ignores what a toolchain writes into a model or may choose freely: the metadata
    (CONVERSION_METADATA, min_runtime_version, TFLITE_METADATA) and the files behind it, the
    description, versions of ops and of the schema, names and order of inner tensors and buffers,
    the order of independent ops, ops that nothing reads, inferred shapes, and the calibrated
    ranges from which a quantization was computed.
    """
    canon = _Canon()
    return _digest(canon.subgraph(model.main), sorted(map(canon.signature, model.signatures)))


class _Canon:
    """Digests of the subgraphs of one model."""

    def __init__(self) -> None:
        self.known: dict[Subgraph, str] = {}
        self.values: dict[Subgraph, dict[Tensor, str]] = {}

    def signature(self, signature: Any) -> str:
        self.subgraph(signature.subgraph)
        values = self.values[signature.subgraph]
        sides = (signature.inputs, signature.outputs)
        named = [sorted((name, values[t]) for name, t in side.items()) for side in sides]
        return _digest(signature.key, self.subgraph(signature.subgraph), named)

    def subgraph(self, subgraph: Subgraph) -> str:
        """Rules 1 to 4."""
        if subgraph not in self.known:
            self.known[subgraph] = "recursive"  # a malformed graph; no loop calls itself
            self.known[subgraph] = self._subgraph(subgraph)
        return self.known[subgraph]

    def _subgraph(self, subgraph: Subgraph) -> str:
        values = self.values[subgraph] = {
            tensor: _digest("input", place, list(tensor.shape or ()), _type(tensor))
            for place, tensor in enumerate(subgraph.inputs)
        }
        touched: dict[Tensor, list[Any]] = {}
        effects: list[str] = []
        for op in subgraph.ops:
            for tensor in op.inputs:
                if tensor is not None and tensor not in values:
                    values[tensor] = _source(tensor)
            made = self._op(op, values)
            for place, tensor in enumerate(op.outputs):
                values[tensor] = _digest(made, place, _type(tensor))
            for place, tensor in enumerate([*op.outputs, *op.inputs]):
                if tensor is not None and tensor.is_variable:
                    touched.setdefault(tensor, []).append((made, place))
            if not op.outputs or op.code in _RESOURCES:
                effects.append(made)
        outputs = [values.get(t) or _source(t) for t in subgraph.outputs]
        values.update(zip(subgraph.outputs, outputs, strict=True))
        inputs = [values[tensor] for tensor in subgraph.inputs]
        return _digest(inputs, outputs, sorted(map(_digest, touched.values())), effects)

    def _op(self, op: Op, values: dict[Tensor, str]) -> str:
        options = {
            name: self.subgraph(value) if isinstance(value, Subgraph) else value
            for name, value in op.options.items()
            if isinstance(value, Subgraph) or value not in (None, 0, "NONE", "", b"", [], ())
        }
        read = [tensor and values[tensor] for tensor in op.inputs]
        inner = [_type(tensor) for tensor in op.intermediates]
        return _digest(op.code, op.custom, options, op.custom_options, read, inner)


def _source(tensor: Tensor) -> str:
    """A value that no op makes: a constant, or a state that is kept between calls.

    How a constant's zeros are stored does not count.
    """
    if tensor.data is not None:
        whole = tensor.array if tensor.sparsity is not None else None
        data = tensor.data if whole is None else whole.tobytes()
        return _digest("constant", list(tensor.shape or ()), _type(tensor), sha256(data))
    return _digest("state", _type(tensor))


def _type(tensor: Tensor) -> list[Any]:
    quantization = tensor.quantization or Quantization()
    axis = quantization.axis if len(quantization.scale) > 1 else 0
    return [
        tensor.dtype,
        list(quantization.scale),
        list(quantization.zero_point) if any(quantization.zero_point) else [],
        axis,
        tensor.is_variable,
    ]


def _digest(*parts: Any) -> str:
    return sha256(json.dumps(parts, sort_keys=True, default=_plain).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return sha256(bytes(value))
    return list(value) if hasattr(value, "__iter__") else repr(value)
