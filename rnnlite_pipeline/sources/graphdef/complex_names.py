"""What complex tensors have become: pairs of real ones, by the names that inputs have for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.sources.graphdef.nodes import Nodes
from rnnlite_pipeline.toolchain import load


@dataclass(frozen=True)
class Names:
    """What a complex tensor has become.

    Attributes:
        real: The name of its real part; None where that is zero.
        imag: Likewise.
        dtype: That of the parts.
        whole: Its own name, where it is there as well (rules 4 and 5).
    """

    real: str | None
    imag: str | None
    dtype: Any
    whole: str | None = None

    def __iter__(self) -> Iterator[str | None]:
        return iter((self.real, self.imag))


#: Ops on lists: the place of an element's shape, of an element, and of one among the results.
LISTS: dict[str, tuple[int | None, int | None, int | None]] = {
    "EmptyTensorList": (0, None, None),
    "TensorListReserve": (0, None, None),
    "TensorListFromTensor": (1, 0, None),
    "TensorListSetItem": (None, 2, None),
    "TensorListPushBack": (None, 1, None),
    "TensorListGetItem": (2, None, 0),
    "TensorListPopBack": (1, None, 1),
    "TensorListStack": (1, None, 0),
    "TensorListGather": (2, None, 0),
}


class Pairs(Nodes):
    """The nodes of a graph or a function, with what its complex tensors have become."""

    def __init__(self, nodes: Any, graph: Any, body: Any = None, flat: Any = None) -> None:
        super().__init__(nodes, graph, body, flat)
        self._made: dict[str, Names | str] = {}
        self.is_changed = False

    def _is_complex(self, name: str) -> bool:
        return bool(self.tensor(name).dtype.is_complex)

    def is_complex(self, node: Any) -> bool:
        """Whether a node takes or gives complex numbers, or lists of them."""
        if node.op in LISTS and type_of(node, "element_dtype").is_complex:
            return True
        return any(map(self._is_complex, (*self.operands(node), *self.results(node))))

    def has_kernel(self, node: Any) -> bool:
        """Rule 4, of a transform."""
        if node.op not in ("RFFT", "RFFT2D"):
            return False
        x, lengths = map(self.tensor, self.operands(node))
        points = load("tensorflow").get_static_value(lengths)
        powers = points is not None and all(n > 1 and n & (n - 1) == 0 for n in points.tolist())
        return powers and x.dtype.name == "float32"

    def real(self, name: str) -> str:
        """What a real tensor is called now."""
        made = self._made.get(name.removesuffix(":0") if self._body is None else name, name)
        assert isinstance(made, str), f"{name} is complex"
        return made

    def _pair(self, name: str) -> Names:
        """What an operand has become; a real one has a real part alone."""
        dtype = self.tensor(name).dtype
        if not dtype.is_complex:
            return Names(self.real(name), None, dtype)
        made = self._made.get(name)
        if made is None:  # what the next turn of a loop of control flow v1 starts from
            made = Names(name, self._beside(name), dtype.real_dtype)
        assert isinstance(made, Names), f"{name} is real"
        return made

    def _become_real(self, node: Any, operands: Sequence[str]) -> None:
        node.input[:] = [*operands, *self._control]
        node.attr.pop("_output_shapes", None)
        for value in node.attr.values():
            kind = value.WhichOneof("value")
            if kind == "type":
                value.type = real_type(value.type)
            elif kind == "list":
                value.list.type[:] = [real_type(each) for each in value.list.type]

    def _set(self, name: str, real: str | None, imag: str | None, whole: str | None = None) -> None:
        self._made[name] = Names(real, imag, self.tensor(name).dtype.real_dtype, whole)

    def _part(self, pair: Names, part: int) -> str:
        """A part's name, zeros where it is zero."""
        name, other = [*pair][part], [*pair][1 - part]
        if name is not None:
            return str(name)
        assert other is not None, "a part of a pair is there"
        return self._new("zeros", "ZerosLike", [other], T=pair.dtype)

    def _finish(self, node: Any, name: str, real: str | None, imag: str | None) -> None:
        """Makes a node of one result the name of what it has become, for what waits for it."""
        first = real or imag or ""
        dtype = self.tensor(name).dtype
        own = self.becomes_identity(node, first, dtype.real_dtype)
        if not dtype.is_complex:
            self._made[name] = own
        else:
            self._set(name, own if real else None, imag if real else own)


def type_of(node: Any, key: str) -> Any:
    """The dtype that an attribute says."""
    return load("tensorflow").as_dtype(node.attr[key].type)


def real_type(value: int) -> int:
    """The dtype of the parts of a tensor of a dtype; a real one is its own."""
    return real_types(value)[0]


def real_types(value: int) -> list[int]:
    """The dtypes of what a tensor of a dtype becomes."""
    dtype = load("tensorflow").as_dtype(value)
    return [int(dtype.real_dtype.as_datatype_enum)] * (1 + dtype.is_complex)
