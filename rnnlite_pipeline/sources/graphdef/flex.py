"""What a Flex op carries: its name and its NodeDef, and how both are written otherwise."""

from __future__ import annotations

from typing import Any

from flatbuffers import flexbuffers

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.schema import enum_values
from rnnlite_pipeline.passes.tensor_list_groups import PREFIX
from rnnlite_pipeline.toolchain import load


def repeatable(custom_options: bytes) -> bytes:
    """A Flex op's options, [op name, NodeDef], without the names the op was traced under."""
    name, node = node_of(custom_options)
    node.ClearField("experimental_debug_info")
    return options_of(name, node)


def options_of(name: bytes, node: Any) -> bytes:
    """What a Flex op of this name and NodeDef carries."""
    builder = flexbuffers.Builder()
    with builder.Vector():
        builder.String(_Bytes(name))
        builder.String(_Bytes(node.SerializeToString(deterministic=True)))
    return bytes(builder.Finish())


def node_of(custom_options: bytes) -> tuple[bytes, Any]:
    """A Flex op's name and NodeDef."""
    name, text = (each.AsStringBytes for each in flexbuffers.GetRoot(custom_options).AsVector)
    return bytes(name), load("tensorflow").compat.v1.NodeDef.FromString(bytes(text))


def make_custom(model: Model) -> None:
    """Makes Flex ops custom ops; the lists of loops stay until they are tensors."""
    for op in model.ops():
        if op.code.startswith("Flex") and not op.code.startswith(PREFIX) and op.custom_options:
            op.code = op.code.removeprefix("Flex")
            op.custom_options = _attributes(node_of(op.custom_options)[1])


def _attributes(node: Any) -> bytes:
    """A NodeDef's attributes as a flexbuffer's map; kinds that it has no place for are left out."""
    types, as_dtype = enum_values("TensorType"), load("tensorflow").as_dtype
    builder = flexbuffers.Builder()
    plain = {"i": builder.Int, "f": builder.Float, "b": builder.Bool}
    with builder.Map():
        for key, value in sorted(node.attr.items()):
            kind = value.WhichOneof("value")
            if kind == "type":
                name = as_dtype(value.type).name.upper()
                if name in types:
                    builder.Int(key, types[name])
            elif kind in plain:
                plain[kind](key, getattr(value, kind))
            elif kind == "s":
                builder.String(key, _Bytes(value.s))
            elif kind == "list":
                _list(builder, key, value.list)
    return bytes(builder.Finish())


def _list(builder: Any, key: str, values: Any) -> None:
    for field, add_one in (("i", builder.Int), ("f", builder.Float), ("s", builder.String)):
        if found := getattr(values, field):
            with builder.TypedVector(key):
                for value in found:
                    add_one(_Bytes(value) if field == "s" else value)
            return


class _Bytes(str):
    """Text for flexbuffers that is bytes already: a NodeDef need not be UTF-8."""

    def __new__(cls, content: bytes) -> _Bytes:
        text = super().__new__(cls)
        text.content = content
        return text

    content: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        return self.content
