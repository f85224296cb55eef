"""Plain objects to a .tflite file."""

from __future__ import annotations

from rnnlite_pipeline.graph import fields as spell
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.flat import Fields, encode, encode_located
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor

#: Constants of more bytes than these are matrices, and no axes or sizes.
LARGE = 4096

#: A file with more bytes of constants than these is written into its memory at once.
HEAVY = 2**24

#: Bytes that a buffer takes besides its content, and those of an op or a tensor: generously.
PER_BUFFER, PER_PART = 64, 512

#: What deprecated_builtin_code says of a code that does not fit its int8.
PLACEHOLDER = 127


def write_model(model: Model) -> bytes:
    """The model as a .tflite file; equal models give equal bytes.

    Buffer 0 is the empty one; equal constants share a buffer; tensors stand in the order of
    `Subgraph.tensors`, then in that of their first use.

    Raises:
        ValueError: The graph is not one: an op names a subgraph that is not the model's, an
            option its schema has not, or a code that is not builtin.
    """
    return write_located(model)[0]


def write_located(model: Model) -> tuple[bytes, list[slice]]:
    """The same file, and the places in it of the numbers that are float32 weights alone."""
    writer = _Writer(model)
    fields = writer.fields()
    content, places = encode_located(
        "Model", fields, large=writer.size_at_most(), in_one_piece=writer.bytes_of_buffers >= HEAVY
    )
    stored = [k for k, data in enumerate(writer.buffers) if data]
    floats = [
        slice(place, place + len(writer.buffers[k]))
        for k, place in zip(stored, places, strict=True)
        if writer.dtypes.get(k) == {"FLOAT32"}
    ]
    return content + model.trailer, floats


def outline(model: Model) -> bytes:
    """The model as bytes, without names, and of constants of more than `LARGE` bytes the length.

    What two models with one outline differ in is the numbers of their weights.
    """
    return encode("Model", _Outline(model).fields())


class _Writer:
    """Gives everything its index."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.buffers: list[bytes] = [b""]
        self.shared: dict[bytes, int] = {b"": 0}
        self.dtypes: dict[int, set[str]] = {}
        self.codes: dict[tuple[str, bool, int], int] = {}
        self.subgraphs = {s: i for i, s in enumerate(model.subgraphs)}
        self.tensors = {s: _index(s, model.signatures) for s in model.subgraphs}

    def fields(self) -> Fields:
        model = self.model
        fields: Fields = {
            "version": model.version,
            "description": model.description,
            "subgraphs": [self._subgraph(s) for s in model.subgraphs],
            "signature_defs": [self._signature(s) for s in model.signatures],
            "metadata": [
                {"name": name, "buffer": self._own(blob)} for name, blob in model.metadata.items()
            ],
        }
        if blobs := model.extra.get("metadata_buffer"):
            fields["metadata_buffer"] = [self._share(b) for b in blobs]
        fields["operator_codes"] = [_code(*key) for key in self.codes]
        fields["buffers"] = [{"data": b} if b else {} for b in self.buffers]
        return {name: value for name, value in fields.items() if value not in ([], "")}

    @property
    def bytes_of_buffers(self) -> int:
        """What the file's constants take."""
        return sum(map(len, self.buffers))

    def size_at_most(self) -> int:
        """About the bytes of the file, rather too many: what is not written costs nothing."""
        parts = sum(len(s.ops) + len(self.tensors[s]) for s in self.model.subgraphs)
        return self.bytes_of_buffers + len(self.buffers) * PER_BUFFER + parts * PER_PART

    def _subgraph(self, subgraph: Subgraph) -> Fields:
        index = self.tensors[subgraph]
        return {
            "name": subgraph.name,
            "tensors": [self._tensor(t) for t in index],
            "inputs": [index[t] for t in subgraph.inputs],
            "outputs": [index[t] for t in subgraph.outputs],
            "operators": [self._op(op, index) for op in subgraph.ops],
            **subgraph.extra,
        }

    def _tensor(self, tensor: Tensor) -> Fields:
        extra = {k: v for k, v in tensor.extra.items() if k != spell.SPELLING}
        buffer = self._share(tensor.data or b"")
        self.dtypes.setdefault(buffer, set()).add(tensor.dtype)
        return {
            "name": tensor.name,
            "type": schema.enum_values("TensorType")[tensor.dtype],
            "buffer": buffer,
            "is_variable": tensor.is_variable,
            "quantization": spell.quantization_fields(tensor),
            **spell.shape_fields(tensor),
            **extra,
        }

    def _op(self, op: Op, index: dict[Tensor, int]) -> Fields:
        key = (op.code, op.custom, op.version)
        fields: Fields = {
            "opcode_index": self.codes.setdefault(key, len(self.codes)),
            "inputs": [-1 if t is None else index[t] for t in op.inputs],
            "outputs": [index[t] for t in op.outputs],
            "custom_options": op.custom_options,
            **op.extra,
        }
        if op.intermediates:
            fields["intermediates"] = [index[t] for t in op.intermediates]
        if op.options_type:
            union = spell.options_union(op.options_type)
            members = schema.enum_values(spell.OPTIONS_UNIONS[union])
            fields[f"{union}_type"] = members[op.options_type]
            fields[union] = spell.write_options(op.options_type, op.options, self.subgraphs)
        elif op.options:
            raise ValueError(f"{op.code} has options but no options_type")
        return fields

    def _signature(self, signature: Signature) -> Fields:
        index = self.tensors[signature.subgraph]
        return {
            "signature_key": signature.key,
            "subgraph_index": self.subgraphs[signature.subgraph],
            "inputs": [{"name": n, "tensor_index": index[t]} for n, t in signature.inputs.items()],
            "outputs": [
                {"name": n, "tensor_index": index[t]} for n, t in signature.outputs.items()
            ],
        }

    def _share(self, data: bytes) -> int:
        if data not in self.shared:
            self.shared[data] = self._own(data)
        return self.shared[data]

    def _own(self, data: bytes) -> int:
        """A buffer that nothing else shares: other tools replace metadata in place."""
        self.buffers.append(data)
        return len(self.buffers) - 1


class _Outline(_Writer):
    def _tensor(self, tensor: Tensor) -> Fields:
        return super()._tensor(tensor) | {"name": ""}

    def _share(self, data: bytes) -> int:
        return super()._share(data if len(data) <= LARGE else str(len(data)).encode())


def _index(subgraph: Subgraph, signatures: list[Signature]) -> dict[Tensor, int]:
    named = [s for s in signatures if s.subgraph is subgraph]
    used = [
        *subgraph.tensors,
        *subgraph.inputs,
        *(t for op in subgraph.ops for t in [*op.inputs, *op.intermediates, *op.outputs] if t),
        *subgraph.outputs,
        *(t for s in named for t in [*s.inputs.values(), *s.outputs.values()]),
    ]
    return {tensor: i for i, tensor in enumerate(dict.fromkeys(used))}


def _code(name: str, custom: bool, version: int) -> Fields:
    codes = schema.enum_values("BuiltinOperator")
    if not custom and name not in codes:
        raise ValueError(f"{name} is not a builtin operator")
    value = codes["CUSTOM" if custom else name]
    fields: Fields = {
        "builtin_code": value,
        "deprecated_builtin_code": min(value, PLACEHOLDER),
        "version": version,
    }
    return fields | ({"custom_code": name} if custom else {})
