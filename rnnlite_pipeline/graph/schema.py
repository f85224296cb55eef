"""The TFLite schema, read off the generated flatbuffers accessors at run time.

No field, slot, type or default is typed out here: each accessor is called on a probe that
answers like a flatbuffers table and notes what it is asked. A new version of the schema is
therefore known as soon as its generated module is installed, and what that module does not
know can be refused.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

from ai_edge_litert import schema_py_generated as generated

Kind = Literal["scalar", "string", "table", "union"]

#: The enum of each union field; the generated accessors do not name it.
UNIONS = {
    ("Operator", "builtin_options"): "BuiltinOptions",
    ("Operator", "builtin_options2"): "BuiltinOptions2",
    ("QuantizationParameters", "details"): "QuantizationDetails",
    ("DimensionMetadata", "array_segments"): "SparseIndexVector",
    ("DimensionMetadata", "array_indices"): "SparseIndexVector",
}


@dataclass(frozen=True)
class Field:
    """One field of a table.

    Attributes:
        name: In snake_case.
        slot: Its place in the vtable.
        kind: What it holds, or what each element holds where `vector`.
        vector: Whether it is a vector of `kind`.
        packer: How a scalar is packed; None for the other kinds.
        default: The value of a scalar that is not stored.
        table: The name of the table or of the union's enum, for these kinds.
    """

    name: str
    slot: int
    kind: Kind
    vector: bool
    packer: struct.Struct | None = None
    default: Any = None
    table: str = ""

    @property
    def width(self) -> int:
        """The bytes that it takes in its table: its own, or those of an offset."""
        return self.packer.size if self.packer and not self.vector else 4


@dataclass(frozen=True)
class Table:
    """A table of the schema: its fields, and how many slots it knows (deprecated ones too)."""

    name: str
    slots: int
    fields: tuple[Field, ...]

    @cached_property
    def widest_first(self) -> tuple[Field, ...]:
        """The fields in the order in which they are written: so nothing is padded."""
        return tuple(sorted(self.fields, key=lambda field: -field.width))


class _Probe:
    """Stands for a flatbuffers table of which every field is (or none is) present."""

    Bytes = b""
    Pos = 0

    def __init__(self, present: bool) -> None:
        self.present = present
        self.slot = -1
        self.calls: set[str] = set()
        self.packer: struct.Struct | None = None

    def Offset(self, offset: int) -> int:
        self.slot = (offset - 4) // 2
        return offset if self.present else 0

    def Get(self, flags: Any, _position: int) -> int:
        self.packer = flags.packer_type
        return 0

    def __getattr__(self, name: str) -> Any:
        self.calls.add(name)
        return lambda *_: 0


def _ask(accessor: type, name: str, present: bool) -> tuple[_Probe, Any]:
    table, probe = accessor(), _Probe(present)
    table._tab = probe
    method = getattr(table, name)
    result = method(0) if method.__code__.co_argcount == 2 else method()
    return probe, result


def _field(accessor: type, name: str) -> Field:
    probe, result = _ask(accessor, name, present=True)
    snake = snake_case(name)
    vector, slot = "Vector" in probe.calls, probe.slot
    if probe.packer is not None:
        default = None if vector else _ask(accessor, name, present=False)[1]
        return Field(snake, slot, "scalar", vector, probe.packer, default)
    if "String" in probe.calls:
        return Field(snake, slot, "string", vector)
    if "Union" in probe.calls:
        return Field(snake, slot, "union", vector, table=UNIONS[accessor.__name__, snake])
    return Field(snake, slot, "table", vector, table=type(result).__name__)


@cache
def table(name: str) -> Table:
    """The table `name` ("Tensor", "WhileOptions") of the schema."""
    accessor = getattr(generated, name)
    methods = [m for m in vars(accessor) if m[0].isupper() and m != "Init"]
    skip = {m + suffix for m in methods for suffix in ("Length", "IsNone", "AsNumpy")}
    own = [m for m in methods if m not in skip and not _is_static(accessor, m)]
    fields = sorted((_field(accessor, m) for m in own), key=lambda f: f.slot)
    return Table(name, _slots(name), tuple(fields))


def _is_static(accessor: type, method: str) -> bool:
    return isinstance(vars(accessor)[method], classmethod)


def _slots(name: str) -> int:
    counted: list[int] = []

    class Counter:
        def StartObject(self, slots: int) -> None:
            counted.append(slots)

    getattr(generated, f"{name}Start")(Counter())
    return counted[0]


@cache
def enum_names(enum: str) -> dict[int, str]:
    """The names of an enum ("TensorType") or a union ("BuiltinOptions") by value."""
    members = vars(getattr(generated, enum)).items()
    return {value: name for name, value in members if isinstance(value, int)}


@cache
def enum_values(enum: str) -> dict[str, int]:
    """The values of an enum or a union by name."""
    return {name: value for value, name in enum_names(enum).items()}


def snake_case(name: str) -> str:
    """CamelCase to snake_case; digits stay with the word before them."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
