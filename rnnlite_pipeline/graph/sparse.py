"""Constants that a file stores without their zeros, as `SparsityParameters` of the schema describe.

A tensor of D axes, B of them cut into blocks, is a tree of D + B levels: the axes, whose sizes are
those in blocks, and the block axes. `traversal_order` says which axis each level is, `block_map`
which axis each block axis cuts. A DENSE level has all its `dense_size` children. A SPARSE_CSR level
has, below its parent p, the children `array_indices[array_segments[p]:array_segments[p + 1]]`.
The stored numbers are the leaves in order (LiteRT tflite/schema/schema.fbs, and
tflite/kernels/internal/utils/sparsity_format_converter.cc).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.errors import ModelFormatError

#: A table of the schema, as graph/flat.py reads it.
Fields = Mapping[str, Any]

#: DimensionType of the schema.
DENSE, SPARSE_CSR = 0, 1

#: SparseIndexVector of the schema, from the narrowest: the member, and the most it holds.
_VECTORS = ((3, 0xFF), (2, 0xFFFF), (1, 2**31 - 1))


def decoded(stored: NDArray[Any], shape: Sequence[int], sparsity: Fields) -> NDArray[Any]:
    """The whole tensor.

    Args:
        stored: The numbers of the file, [leaves].
        shape: The tensor's.
        sparsity: The fields of its SparsityParameters.

    Raises:
        ModelFormatError: The parameters contradict themselves, the shape, or the numbers.
    """
    order, blocks = sparsity.get("traversal_order") or [], sparsity.get("block_map") or []
    levels: Sequence[Fields] = sparsity.get("dim_metadata") or []
    rank = len(shape)
    _check(len(order) == len(levels) == rank + len(blocks), "its levels are not its axes")
    _check(sorted(order) == list(range(len(order))), "its traversal order names no axis, or twice")
    # The runtime reads these alone as they are meant (InitSparseToDenseConverter, Populate).
    _check(sorted(order[:rank]) == list(range(rank)), "an axis stands behind a block axis")
    _check([*blocks] == sorted({*blocks}), "its block map is not in the order of the axes")
    _check(all(0 <= axis < rank for axis in blocks), "its block map names an axis that is not")
    extents = _extents(shape, order, blocks, levels)
    # For each node of the level reached: its place along each axis and block axis.
    places = np.zeros((1, len(order)), np.int64)
    for axis, level in zip(order, levels, strict=True):
        places = _children(places, axis, extents[axis], level)
    _check(len(places) == stored.size, f"it holds {stored.size} numbers for {len(places)} places")
    index = [places[:, axis] for axis in range(rank)]
    for place, axis in enumerate(blocks):
        index[axis] = index[axis] * extents[rank + place] + places[:, rank + place]
    whole = np.zeros(tuple(shape), stored.dtype)
    whole[tuple(index)] = stored
    return whole


def _extents(
    shape: Sequence[int], order: Sequence[int], blocks: Sequence[int], levels: Sequence[Fields]
) -> list[int]:
    """The size of each axis, in blocks, and of each block axis."""
    extents = list(shape)
    for place, axis in enumerate(blocks):
        level = levels[order.index(len(shape) + place)]
        size = level["dense_size"]
        _check(level["format"] == DENSE and size > 0, "a block has no size")
        # The runtime takes the size from the level that `traversal_order` holds at this place.
        same = levels[order[len(shape) + place]]["dense_size"] == size
        _check(same, "the sizes of its blocks are not in the order of its levels")
        _check(extents[axis] % size == 0, "its blocks do not fill an axis")
        extents[axis] //= size
        extents.append(size)
    return extents


def _children(places: NDArray[Any], axis: int, extent: int, level: Fields) -> NDArray[Any]:
    """The nodes of a level, in order, below those of the level before it."""
    if level["format"] == DENSE:
        _check(level["dense_size"] == extent, "a dense level has not the size of its axis")
        below = np.repeat(places, extent, axis=0)
        below[:, axis] = np.tile(np.arange(extent), len(places))
        return below
    segments, indices = (_vector(level, name) for name in ("array_segments", "array_indices"))
    counts = np.diff(segments)
    _check(len(segments) == len(places) + 1, "a level has another number of segments than parents")
    _check(segments[0] == 0 and segments[-1] == len(indices), "its segments are not its indices")
    _check(bool(np.all(counts >= 0)), "its segments overlap")
    _check(bool(np.all((indices >= 0) & (indices < extent))), "an index lies outside its axis")
    below = np.repeat(places, counts, axis=0)
    below[:, axis] = indices
    parents = np.repeat(np.arange(len(places)), counts)
    _check(bool(np.all(np.diff(parents * extent + indices) > 0)), "an index stands there twice")
    return below


def _vector(level: Fields, name: str) -> NDArray[Any]:
    values = (level.get(name) or {}).get("values")
    _check(values is not None, f"a sparse level has no {name}")
    # A vector of bytes is read as `bytes` (flat.py).
    return np.array([*values] if isinstance(values, bytes) else values, np.int64)


def _check(holds: bool, breach: str) -> None:
    if not holds:
        raise ModelFormatError(
            f"The TFLite model is damaged: a constant is stored sparse, and {breach}.",
            "Convert or download it again.",
        )


def in_blocks(matrix: NDArray[Any], width: int) -> NDArray[np.bool_]:
    """Which blocks of 1 x width hold more than zeros, [rows, blocks], of [rows, columns]."""
    rows, columns = matrix.shape
    live: NDArray[np.bool_] = (matrix.reshape(rows, columns // width, width) != 0).any(axis=2)
    return live


def encoded(matrix: NDArray[Any], width: int) -> tuple[bytes, dict[str, Any]]:
    """A matrix [rows, columns] without its zero blocks of 1 x width: the numbers, the parameters.

    Rows are dense, the blocks of a row compressed, a block dense: the one format of blocks that the
    kernels of FULLY_CONNECTED take (tflite/kernels/fully_connected.cc, SupportedSparsityFormat).
    """
    rows, columns = matrix.shape
    live = in_blocks(matrix, width)
    stored = matrix.reshape(rows, columns // width, width)[live]
    segments = np.concatenate([[0], np.cumsum(live.sum(axis=1))])
    sparse = {
        "format": SPARSE_CSR,
        "dense_size": 0,
        **_index_vector("array_segments", segments),
        **_index_vector("array_indices", np.nonzero(live)[1]),
    }
    levels = [{"format": DENSE, "dense_size": rows}, sparse, {"format": DENSE, "dense_size": width}]
    parameters = {"traversal_order": [0, 1, 2], "block_map": [1], "dim_metadata": levels}
    return np.ascontiguousarray(stored).tobytes(), parameters


def _index_vector(name: str, values: NDArray[Any]) -> dict[str, Any]:
    most = int(values.max(initial=0))
    member = next(member for member, limit in _VECTORS if most <= limit)
    return {f"{name}_type": member, name: {"values": values.tolist()}}


def leaves(sparsity: Fields) -> int:
    """How many numbers a sparse matrix of `encoded` stores."""
    _, compressed, block = sparsity["dim_metadata"]
    return len(compressed["array_indices"]["values"]) * int(block["dense_size"])
