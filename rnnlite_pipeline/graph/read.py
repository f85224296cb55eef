"""A .tflite file to plain objects."""

from __future__ import annotations

from typing import Any, TypeVar

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph import fields as spell
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.calls import check_calls
from rnnlite_pipeline.graph.flat import Decoder, Fields, damaged
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Signature, Subgraph, Tensor

_T = TypeVar("_T")

#: Where the zip of associated files begins (TFLite metadata).
ZIP = b"PK\x03\x04"

#: A flatbuffer may end in padding of at most its largest alignment.
LARGEST_PADDING = 64


def read_model(data: bytes) -> Model:
    """The model in `data`, every field of it.

    Args:
        data: A .tflite file.

    Raises:
        ModelFormatError: The file is damaged, or holds what this package's schema does not
            know or cannot carry unharmed (constants outside the flatbuffer).
    """
    decoder = Decoder(bytes(data))
    fields = decoder.root("Model")
    model = _Reader(fields).model()
    check_calls(model)
    model.trailer = _trailer(decoder.data, decoder.end)
    return model


def _trailer(data: bytes, end: int) -> bytes:
    rest = data[end:]
    start = rest.find(ZIP)
    if start >= 0:
        return rest[start:]
    padding = len(rest) < LARGEST_PADDING and not rest.strip(b"\0")
    return b"" if padding else rest


class _Reader:
    """Resolves the indices of one file."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.buffers = [_buffer(b) for b in fields.get("buffers", [])]
        self.codes = [_code(c) for c in fields.get("operator_codes", [])]
        for key in ("external_buffers", "external_buffer_groups"):
            if fields.get(key):
                raise _outside(key)

    def model(self) -> Model:
        parts = self.fields.get("subgraphs", [])
        if not parts:
            raise damaged("it has no subgraph")
        subgraphs = [Subgraph(p.get("name", "")) for p in parts]
        for subgraph, part in zip(subgraphs, parts, strict=True):
            self._fill(subgraph, part, subgraphs)
        model = Model(
            subgraphs,
            [_signature(s, subgraphs) for s in self.fields.get("signature_defs", [])],
            self._metadata(),
            self.fields.get("description", ""),
            self.fields["version"],
        )
        if blobs := self.fields.get("metadata_buffer"):
            model.extra["metadata_buffer"] = [_at(self.buffers, i, "buffer") for i in blobs]
        return model

    def _metadata(self) -> dict[str, bytes]:
        blobs: dict[str, bytes] = {}
        for entry in self.fields.get("metadata", []):
            name = entry.get("name", "")
            if name in blobs:
                raise damaged(f"it has the metadata {name!r} twice")
            blobs[name] = _at(self.buffers, entry["buffer"], "buffer")
        return blobs

    def _fill(self, subgraph: Subgraph, part: Fields, subgraphs: list[Subgraph]) -> None:
        subgraph.tensors = [self._tensor(t) for t in part.get("tensors", [])]
        subgraph.inputs = _all(subgraph.tensors, part.get("inputs", []))
        subgraph.outputs = _all(subgraph.tensors, part.get("outputs", []))
        operators = part.get("operators", [])
        subgraph.ops = [self._op(o, subgraph.tensors, subgraphs) for o in operators]
        _mark_empty_constants(subgraph)
        subgraph.extra = _unlike(part, {"debug_metadata_index": -1})

    def _tensor(self, fields: Fields) -> Tensor:
        if fields["external_buffer"]:
            raise _outside("external_buffer")
        dtype = schema.enum_names("TensorType").get(fields["type"])
        if dtype is None:
            raise _newer("tensor type", fields["type"])
        data = _at(self.buffers, fields["buffer"], "buffer") or None
        tensor = Tensor(
            name=fields.get("name", ""),
            dtype=dtype,
            shape=spell.read_shape(fields, data is not None),
            data=data,
            quantization=spell.read_quantization(fields.get("quantization")),
            is_variable=fields["is_variable"],
        )
        _check_size(tensor, "sparsity" in fields)
        for key in ("sparsity", "variant_tensors"):
            if key in fields:
                tensor.extra[key] = fields[key]
        if kept := spell.spelling(fields, tensor):
            tensor.extra[spell.SPELLING] = kept
        return tensor

    def _op(self, fields: Fields, tensors: list[Tensor], subgraphs: list[Subgraph]) -> Op:
        if fields["large_custom_options_offset"] or fields["large_custom_options_size"]:
            raise _outside("large_custom_options_offset")
        code = _at(self.codes, fields["opcode_index"], "operator code")
        inputs = fields.get("inputs", [])
        op = Op(
            code=code["name"],
            inputs=[None if i == -1 else _at(tensors, i, "tensor") for i in inputs],
            outputs=_all(tensors, fields.get("outputs", [])),
            version=code["version"],
            custom=code["custom"],
            custom_options=fields.get("custom_options"),
            intermediates=_all(tensors, fields.get("intermediates", [])),
        )
        for union in ("builtin_options", "builtin_options2"):
            if fields.get(union) is not None:
                if op.options_type:
                    raise damaged("an op has two sets of options")
                member = schema.enum_names(spell.OPTIONS_UNIONS[union])
                op.options_type = member[fields[f"{union}_type"]]
                op.options = spell.read_options(op.options_type, fields[union], subgraphs)
        op.extra = _unlike(fields, {"debug_metadata_index": -1, "custom_options_format": 0})
        if "mutating_variable_inputs" in fields:
            op.extra["mutating_variable_inputs"] = fields["mutating_variable_inputs"]
        return op


def _buffer(fields: Fields) -> bytes:
    if fields["offset"] or fields["size"]:
        raise _outside("offset")
    data: bytes = fields.get("data", b"")
    return data


def _code(fields: Fields) -> dict[str, Any]:
    # Codes up to 127 stood in an int8 that is now deprecated; old files have only that one.
    value = max(fields["deprecated_builtin_code"], fields["builtin_code"])
    name = schema.enum_names("BuiltinOperator").get(value)
    if name is None:
        raise _newer("operator", value)
    custom = name == "CUSTOM"
    if custom:
        name = fields.get("custom_code", "")
    elif fields.get("custom_code"):
        raise damaged(f"the builtin operator {name} has a custom code")
    return {"name": name, "custom": custom, "version": fields["version"]}


def _signature(fields: Fields, subgraphs: list[Subgraph]) -> Signature:
    subgraph = _at(subgraphs, fields["subgraph_index"], "subgraph")
    key = fields.get("signature_key", "")
    sides: list[dict[str, Tensor]] = []
    for side in ("inputs", "outputs"):
        names: dict[str, Tensor] = {}
        for entry in fields.get(side, []):
            name = entry.get("name", "")
            if name in names:
                raise damaged(f"the signature {key!r} names {name!r} twice")
            names[name] = _at(subgraph.tensors, entry["tensor_index"], "tensor")
        sides.append(names)
    return Signature(key, subgraph, *sides)


def _mark_empty_constants(subgraph: Subgraph) -> None:
    """A constant without elements has no buffer; that nothing makes it tells it apart."""
    made = {*subgraph.inputs, *(t for op in subgraph.ops for t in op.outputs)}
    for tensor in subgraph.tensors:
        if tensor.shape and 0 in tensor.shape and not tensor.is_variable and tensor not in made:
            tensor.data = tensor.data or b""


def _check_size(tensor: Tensor, sparse: bool) -> None:
    shape = tensor.shape or ()
    if any(d < OPEN for d in shape):
        raise damaged(f"tensor {tensor.name!r} has the shape {list(shape)}")
    if tensor.data is None or sparse or tensor.dtype not in NUMPY:
        return
    size = NUMPY[tensor.dtype].itemsize
    for dimension in shape:
        size *= dimension
    if size != len(tensor.data):
        raise damaged(
            f"constant {tensor.name!r} holds {len(tensor.data)} bytes where its shape and type "
            f"take {size}"
        )


def _unlike(fields: Fields, defaults: Fields) -> Fields:
    return {k: fields[k] for k, default in defaults.items() if fields[k] != default}


def _all(tensors: list[Tensor], indices: list[int]) -> list[Tensor]:
    return [_at(tensors, i, "tensor") for i in indices]


def _at(items: list[_T], index: int, what: str) -> _T:
    if not 0 <= index < len(items):
        raise damaged(f"there is no {what} {index}")
    return items[index]


def _newer(what: str, value: int) -> ModelFormatError:
    return ModelFormatError(
        f"The model uses {what} {value}, which this version's TFLite schema does not know.",
        "Upgrade rnnlite and ai-edge-litert, or write the model with an older converter.",
    )


def _outside(field: str) -> ModelFormatError:
    return ModelFormatError(
        f"The model keeps data outside its flatbuffer (field {field}), which is not supported.",
        "Convert it without buffer offsets or external weights.",
    )
