"""The header of a `.tflite` file: the inputs and outputs of its main graph.

Numbers of fields are those of the TFLite schema (tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.config.headers.flatbuffer import Table
from rnnlite_pipeline.config.headers.interface import Interface, Tensor, WrongSource
from rnnlite_pipeline.config.source import Source

#: Fields of Model, SubGraph, Tensor, Buffer, SignatureDef and TensorMap.
_CODES, _SUBGRAPHS, _BUFFERS, _METADATA, _SIGNATURES = 1, 2, 4, 6, 7
_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _OPS = 0, 1, 2, 3
_OP_INPUTS, _OP_OUTPUTS, _OPTIONS = 1, 2, 4
_SHAPE, _TYPE, _NAME, _SHAPE_SIGNATURE = 0, 1, 3, 7
_DATA = 0
_INPUTS, _OUTPUTS, _SUBGRAPH = 0, 1, 4
_MAP_NAME, _MAP_TENSOR = 0, 1

_DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16",
    9: "int8", 10: "float64", 12: "uint64", 15: "uint32", 16: "uint16",
}  # fmt: skip

_AGAIN = "convert or download it again"


def read(path: Path, source: Source) -> Interface | None:
    """The inputs and outputs of the main graph, by the names of its signature or of its tensors.

    Raises:
        WrongSource: The file is damaged: a table or a constant lies outside it.
    """
    del source
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        try:
            return _interface(Table.root(data))
        except struct.error:
            said = f"{path} was cut short or is damaged: an offset in it points behind its end"
            raise WrongSource(f"{said}; {_AGAIN}") from None
        except (IndexError, UnicodeDecodeError) as error:
            raise WrongSource(f"{path} was cut short or is damaged: {error}; {_AGAIN}") from None


def _interface(model: Table) -> Interface | None:
    _check_whole(model)
    graph = next(model.tables(_SUBGRAPHS), None)
    if graph is None:
        raise IndexError("it has no graph")
    tensors = list(graph.tables(_TENSORS))
    sides = []
    for side, field in ((_INPUTS, _GRAPH_INPUTS), (_OUTPUTS, _GRAPH_OUTPUTS)):
        names = _names(model, side)
        found: dict[str, Tensor] = {}
        for position, index in enumerate(graph.numbers(field)):
            tensor = tensors[index]
            dtype = _DTYPES.get(tensor.number(_TYPE, "b"))
            if dtype is None:
                return None
            name = names.get(index) or tensor.text(_NAME)
            found[f"{name}_{position}" if name in found else name] = Tensor(_shape(tensor), dtype)
        sides.append(found)
    inputs, outputs = sides
    parts = (part for each in _all_tensors(model) for part in each.text(_NAME).split(";"))
    return Interface(inputs, outputs, frozenset(parts))


def _all_tensors(model: Table) -> Iterator[Table]:
    for graph in model.tables(_SUBGRAPHS):
        yield from graph.tables(_TENSORS)


def _check_whole(model: Table) -> None:
    """Visits the constants, the ops and the tensors: each has to be in the file."""
    for field in (_CODES, _METADATA, _SIGNATURES):
        for _ in model.tables(field):
            pass
    for buffer in model.tables(_BUFFERS):
        buffer.vector(_DATA, 1)
    for graph in model.tables(_SUBGRAPHS):
        for tensor in graph.tables(_TENSORS):
            tensor.text(_NAME)
            tensor.numbers(_SHAPE)
        for op in graph.tables(_OPS):
            op.numbers(_OP_INPUTS)
            op.numbers(_OP_OUTPUTS)
            op.table(_OPTIONS)


def _names(model: Table, side: int) -> dict[int, str]:
    """The names that the main graph's first signature gives to tensors, by their index."""
    for signature in model.tables(_SIGNATURES):
        if signature.number(_SUBGRAPH, "I") == 0:
            return {
                each.number(_MAP_TENSOR, "I"): each.text(_MAP_NAME)
                for each in signature.tables(side)
            }
    return {}


def _shape(tensor: Table) -> tuple[int | None, ...] | None:
    """Sizes; open ones are -1 in `shape_signature`. A shape that is left out may be of any rank."""
    if not tensor.place(_SHAPE):
        return None
    sizes = tensor.numbers(_SHAPE_SIGNATURE) or tensor.numbers(_SHAPE)
    return tuple(None if size < 0 else size for size in sizes)
