"""Flatbuffers of the TFLite schema to plain dicts and back, trusting no byte of the input.

A table is a dict by field name: every scalar (the default where it is not stored), and the
strings, vectors and tables that are stored. A vector of bytes is `bytes`, other vectors are
lists, a string is `str` (undecodable bytes escaped as by PEP 383, so they survive), a union's
table stands beside its `*_type`.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.schema import Field, Table

Fields = dict[str, Any]


@dataclass(frozen=True)
class Schema:
    """A flatbuffers schema.

    Attributes:
        what: What a file of it is called in errors.
        identifier: The four bytes at byte 4 of a file.
        table: The table of a name.
        enum_names: The members of a union, by value.
        remedy: What to do about a file that is none.
    """

    what: str
    identifier: bytes
    table: Callable[[str], Table]
    enum_names: Callable[[str], Mapping[int, str]]
    remedy: str


#: The schema of a .tflite file.
TFLITE = Schema(
    "TFLite model",
    b"TFL3",
    schema.table,
    schema.enum_names,
    "Give a .tflite file written by TensorFlow 2 or LiteRT.",
)

#: The vectors of bytes declared `force_align: 16`; the kernels map constants in place.
ALIGNMENT = {("Buffer", "data"): 16, ("CustomMetadata", "data"): 16}

#: How many times the length of the input what is decoded of it may have.
SHARED = 8

#: What one table is charged at least against the budget of `Decoder`: bounds its memory.
TABLE_CHARGE = 16

_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")


class Decoder:
    """Decodes tables out of `data`, every offset and length checked before it is followed.

    Work and memory are linear in the input: what is decoded, counted again where parts are shared
    (strings, shapes, zero points), may not exceed `SHARED` times the length of the input. (The
    schema is not recursive, so depth is bounded.)

    Attributes:
        end: Where the flatbuffer ends: past the last byte that was decoded.
    """

    def __init__(self, data: bytes, schema: Schema = TFLITE) -> None:
        self.data = data
        self.schema = schema
        self.end = 0
        self.budget = SHARED * len(data) + 4096

    def root(self, name: str) -> Fields:
        """The table `name` at the root.

        Raises:
            ModelFormatError: The input is damaged or uses fields the schema does not know.
        """
        schema = self.schema
        if self.data[4:8] != schema.identifier:
            raise ModelFormatError(
                f"This is not a {schema.what}: the identifier {schema.identifier.decode()} is "
                "missing at byte 4.",
                schema.remedy,
            )
        return self.table(schema.table(name), self._follow(0))

    def table(self, table: Table, position: int) -> Fields:
        """The table at `position`; fields that the schema calls deprecated are left out."""
        offsets, size = self._vtable(table, position)
        self._charge(max(size, TABLE_CHARGE))
        self._span(position, size)
        fields: Fields = {}
        for field in table.fields:
            offset = offsets[field.slot] if field.slot < len(offsets) else 0
            if offset:
                if offset + field.width > size:
                    raise damaged(f"{table.name}.{field.name} lies outside its table")
                fields[field.name] = self._value(field, position + offset, fields)
            elif field.kind == "scalar" and not field.vector:
                fields[field.name] = field.default
        return fields

    def _vtable(self, table: Table, position: int) -> tuple[tuple[int, ...], int]:
        at = position - self._unpack(_I32, position)
        length, size = self._unpack(_U16, at), self._unpack(_U16, at + 2)
        if length < 4 or length % 2 or size < 4:
            raise damaged(f"the layout of a {table.name} is impossible")
        count = (length - 4) // 2
        self._span(at + 4, 2 * count)
        offsets = struct.unpack_from(f"<{count}H", self.data, at + 4)
        unknown = [k for k, offset in enumerate(offsets) if offset and k >= table.slots]
        if unknown:
            raise ModelFormatError(
                f"The model uses field {unknown[0]} of {table.name}, which this version's "
                "TFLite schema does not know.",
                "Upgrade rnnlite and ai-edge-litert, or write the model with an older converter.",
            )
        return offsets, size

    def _value(self, field: Field, at: int, fields: Fields) -> Any:
        if field.packer and not field.vector:
            return self._unpack(field.packer, at)
        target = self._follow(at)
        if field.kind == "string" and not field.vector:
            return self._bytes(target).decode("utf-8", "surrogateescape")
        if field.kind == "union":
            return self._union(field, target, fields)
        if not field.vector:
            return self.table(self.schema.table(field.table), target)
        return self._vector(field, target)

    def _vector(self, field: Field, at: int) -> Any:
        if field.packer:
            if field.packer.size == 1 and field.packer.format in ("<B", "B"):
                return self._bytes(at)
            dtype = np.dtype("<" + field.packer.format.lstrip("<"))
            return np.frombuffer(self._bytes(at, dtype.itemsize), dtype).tolist()
        targets = range(at + 4, at + 4 + len(self._bytes(at, 4)), 4)
        if field.kind == "string":
            return [
                self._bytes(self._follow(t)).decode("utf-8", "surrogateescape") for t in targets
            ]
        table = self.schema.table(field.table)
        return [self.table(table, self._follow(t)) for t in targets]

    def _union(self, field: Field, target: int, fields: Fields) -> Fields | None:
        names, value = self.schema.enum_names(field.table), fields[f"{field.name}_type"]
        if value not in names:
            raise ModelFormatError(
                f"The model uses member {value} of {field.table}, which this version's TFLite "
                "schema does not know.",
                "Upgrade rnnlite and ai-edge-litert, or write the model with an older converter.",
            )
        return self.table(self.schema.table(names[value]), target) if value else None

    def _bytes(self, at: int, width: int = 1) -> bytes:
        """The bytes of the vector at `at`, whose elements are `width` bytes each."""
        length = self._unpack(_U32, at) * width
        self._charge(length)
        self._span(at + 4, length)
        return self.data[at + 4 : at + 4 + length]

    def _follow(self, at: int) -> int:
        return at + int(self._unpack(_U32, at))

    def _unpack(self, packer: struct.Struct, at: int) -> Any:
        self._span(at, packer.size)
        return packer.unpack_from(self.data, at)[0]

    def _span(self, at: int, size: int) -> None:
        if at < 0 or at + size > len(self.data):
            raise damaged(f"byte {at + size} lies outside the file of {len(self.data)} bytes")
        self.end = max(self.end, at + size)

    def _charge(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise damaged("its tables overlap")


def damaged(detail: str) -> ModelFormatError:
    """The error for a file that contradicts itself, as `detail` says."""
    return ModelFormatError(
        f"The TFLite model is damaged: {detail}.", "Convert or download it again."
    )


def encode(name: str, fields: Fields, schema: Schema = TFLITE, large: int = 0) -> bytes:
    """As `encode_located`, without the places."""
    return encode_located(name, fields, schema, large)[0]


def encode_located(
    name: str,
    fields: Fields,
    schema: Schema = TFLITE,
    large: int = 0,
    *,
    in_one_piece: bool = False,
) -> tuple[bytes, list[int]]:
    """The flatbuffer whose root is the table `name`; equal fields give equal bytes.

    Args:
        name: The root's table.
        fields: What it holds.
        schema: What it is written by.
        large: About how many bytes it takes, rather too many. A builder that is too small is
            copied, again and again, as it grows.
        in_one_piece: Whether it must not be in memory twice, though it takes twice as long.

    Returns:
        The bytes, and where the first byte of each aligned vector stands (`ALIGNMENT`), in order.
    """
    encoder = _Encoder(schema)
    if not in_one_piece:
        encoder.finish(name, fields, bytearray(max(1024, large)))
        content = bytes(memoryview(encoder.builder.Bytes)[encoder.builder.Head() :])
    else:
        content = _in_one_piece(encoder, name, fields, large)
    return content, [len(content) - offset for offset in encoder.aligned]


#: A builder grows unless it has room for its largest alignment once more.
SLACK = 64


def _in_one_piece(encoder: _Encoder, name: str, fields: Fields, large: int) -> bytes:
    """A large file, once in memory: its size is measured first, and then it fills its bytes.

    A file is built from its end to its begin, so that only one whose size is known begins where
    its memory does. In the first pass nothing is written of what is large, and pages that nothing
    writes to take no memory.
    """
    measuring = _Encoder(encoder.schema, measures=True)
    measuring.finish(name, fields, mmap.mmap(-1, large))
    size = measuring.builder.Offset()
    del measuring
    # BytesIO hands out the bytes that it has filled, and no copy of them.
    file = io.BytesIO(bytes(size + SLACK))
    with file.getbuffer() as space:
        encoder.finish(name, fields, space)
        encoder.builder.Bytes = b""
        space[:size] = space[SLACK:]
    file.truncate(size)
    return file.getvalue()


#: Tables that are not shared, as those with a name are not: a tool that changes one in place means
#: that one alone.
OWN = frozenset({"Model", "SubGraph", "Operator", "OperatorCode", "Buffer", "Metadata"})


class _Encoder:
    """Writes tables into one builder; what it returns are offsets.

    One that measures leaves out the bytes of aligned vectors, the weights, and is else the same.

    Equal strings, vectors, and tables without a name of their own are written once. Children come
    first, so two parts are equal where their kind, numbers and children's offsets are.
    """

    def __init__(self, schema: Schema, *, measures: bool = False) -> None:
        self.schema, self._measures = schema, measures
        self.builder: Any = flatbuffers.Builder(0)
        #: Where each aligned vector's elements begin, in bytes before the end.
        self.aligned: list[int] = []
        self._written: dict[Hashable, int] = {}

    def finish(self, name: str, fields: Fields, space: Any) -> None:
        """Writes the root's table, and all that it holds, to the end of a writable buffer."""
        self.builder.Bytes, self.builder.head = space, len(space)
        root = self.table(self.schema.table(name), fields)
        self.builder.Finish(root, file_identifier=self.schema.identifier)

    def table(self, table: Table, fields: Fields) -> int:
        offsets: dict[int, int] = {}
        for field in table.fields:
            value = fields.get(field.name)
            if value is not None and (field.kind != "scalar" or field.vector):
                offsets[field.slot] = self._offset(table, field, value, fields)
        stored: list[tuple[Field, Any]] = []
        for field in table.widest_first:
            value = offsets.get(field.slot)
            if value is None:
                value = fields.get(field.name)
            if value is not None and value != field.default:
                stored.append((field, value))
        if table.name in OWN or fields.get("name"):
            return self._object(table, stored)
        key = (table.name, *((field.slot, value) for field, value in stored))
        return self._once(key, lambda: self._object(table, stored))

    def _object(self, table: Table, stored: Sequence[tuple[Field, Any]]) -> int:
        """A table of numbers, and of offsets of what is written already."""
        builder = self.builder
        builder.StartObject(table.slots)
        for field, value in stored:
            if field.packer and not field.vector:
                self._scalar(field.packer, value)
            else:
                builder.PrependUOffsetTRelative(value)
            builder.current_vtable[field.slot] = builder.Offset()
        return int(builder.EndObject())

    def _once(self, key: Hashable, write: Callable[[], int]) -> int:
        """The offset of what is written already under this key, else of what is written now."""
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = write()
        return found

    def _scalar(self, packer: struct.Struct, value: Any) -> None:
        self.builder.Prep(packer.size, 0)
        self.builder.head -= packer.size
        packer.pack_into(self.builder.Bytes, self.builder.Head(), value)

    def _offset(self, table: Table, field: Field, value: Any, fields: Fields) -> int:
        if not field.vector:
            if field.kind == "string":
                return self._string(value)
            name = field.table
            if field.kind == "union":
                name = self.schema.enum_names(name)[fields[f"{field.name}_type"]]
            return self.table(self.schema.table(name), value)
        if field.packer:
            return self._scalars(field.packer, value, ALIGNMENT.get((table.name, field.name), 0))
        element = (
            [self._string(v) for v in value]
            if field.kind == "string"
            else [self.table(self.schema.table(field.table), v) for v in value]
        )
        return self._once(("offsets", *element), lambda: self._offsets(element))

    def _offsets(self, element: Sequence[int]) -> int:
        count, builder = len(element), self.builder
        builder.StartVector(4, count, 4)
        builder.head -= 4 * count
        here = builder.Offset()  # of the first one; each is relative to where it stands itself
        told = [here - 4 * place - offset for place, offset in enumerate(element)]
        struct.pack_into(f"<{count}I", builder.Bytes, builder.Head(), *told)
        return int(builder.EndVector())

    def _string(self, value: str) -> int:
        data = value.encode("utf-8", "surrogateescape")
        return self._once(("string", data), lambda: int(self.builder.CreateString(data)))

    def _scalars(self, packer: struct.Struct, value: Any, alignment: int) -> int:
        """A vector of scalars; `alignment` is raised to the scalar's own."""
        count = len(value)
        if not isinstance(value, bytes):
            value = np.asarray(value, "<" + packer.format.lstrip("<")).tobytes()
        if alignment:
            return self._bytes(packer, count, value, alignment)
        key = (packer.format, value)
        return self._once(key, lambda: self._bytes(packer, count, value, alignment))

    def _bytes(self, packer: struct.Struct, count: int, value: bytes, alignment: int) -> int:
        builder = self.builder
        builder.StartVector(packer.size, count, max(alignment, packer.size))
        builder.head -= len(value)
        if not (alignment and self._measures):
            builder.Bytes[builder.Head() : builder.Head() + len(value)] = value
        if alignment:
            self.aligned.append(builder.Offset())
        return int(builder.EndVector())
