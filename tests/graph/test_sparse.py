"""Constants stored without their zeros: read as the runtime reads them, and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import SPARSITY, Model, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.sparse import encoded, leaves
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

#: A level with all its children, of a size.
Level = dict[str, Any]


def dense(size: int) -> Level:
    """A level with all its children."""
    return {"format": 0, "dense_size": size}


def compressed(segments: list[int], indices: list[int]) -> Level:
    """A level of which each parent has some children."""
    named = {"array_segments": {"values": segments}, "array_indices": {"values": indices}}
    return {"format": 1, "dense_size": 0, "array_segments_type": 3, "array_indices_type": 3} | named


def tensor(shape: tuple[int, ...], order: list[int], blocks: list[int], *levels: Level) -> Tensor:
    """A sparse constant whose stored numbers are 1, 2, and so on."""
    made = Tensor("sparse", "FLOAT32", shape)
    made.extra[SPARSITY] = {
        "traversal_order": order,
        "block_map": blocks,
        "dim_metadata": [*levels],
    }
    count = 1
    for level in levels:
        indices = level.get("array_indices", {"values": []})["values"]
        count = count * level["dense_size"] or len(indices)
    made.data = np.arange(1, count + 1, dtype=np.float32).tobytes()
    return made


FORMATS: dict[str, Callable[[], Tensor]] = {
    "rows": lambda: tensor((3, 4), [0, 1], [], dense(3), compressed([0, 1, 1, 3], [2, 0, 3])),
    "columns": lambda: tensor((3, 4), [1, 0], [], dense(4), compressed([0, 1, 1, 3, 3], [2, 0, 1])),
    "columns, all numbers there": lambda: tensor((3, 4), [1, 0], [], dense(4), dense(3)),
    "blocks of 1 x 4": lambda: tensor(
        (2, 8), [0, 1, 2], [1], dense(2), compressed([0, 1, 2], [1, 0]), dense(4)
    ),
    "blocks of 2 x 2, columns first": lambda: tensor(
        (4, 4),
        [1, 0, 3, 2],
        [0, 1],
        dense(2),
        compressed([0, 1, 2], [1, 0]),
        dense(2),
        dense(2),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_constant_is_read_as_the_runtime_reads_it(name: str) -> None:
    """DENSIFY of the runtime's reference kernels gives the same numbers, from the same file."""
    stored = FORMATS[name]()
    out = Tensor("out", "FLOAT32", stored.shape)
    model = Model([Subgraph("main", [], [out], [make_op("DENSIFY", [stored], [out])])])
    ensure_signature(model)
    content = write_model(model)
    (again,) = [op.inputs[0] for op in read_model(content).ops()]
    assert again is not None
    assert again.array is not None
    (expected,) = Runner(content, "reference").run({}).values()
    np.testing.assert_array_equal(again.array, expected)
    assert not again.array.flags.writeable


@pytest.mark.parametrize(("columns", "member"), [(8, 3), (4 * 300, 2), (4 * 70_000, 1)])
def test_a_matrix_is_written_without_its_zero_blocks(columns: int, member: int) -> None:
    """Its numbers come back, and places are stored in as few bytes as hold them."""
    rng = np.random.default_rng(0)
    live = np.repeat(rng.random((6, columns // 4)) < 0.4, 4, axis=1)
    matrix = rng.normal(size=(6, columns)).astype(np.float32) * live
    made = Tensor("w", "FLOAT32", matrix.shape)
    made.data, made.extra[SPARSITY] = encoded(matrix, 4)
    assert made.array is not None
    assert made.sparsity is not None
    np.testing.assert_array_equal(made.array, matrix)
    assert len(made.data) == 4 * leaves(made.sparsity) < matrix.nbytes
    assert made.sparsity["dim_metadata"][1]["array_indices_type"] == member


def test_what_is_held_is_stored_whole() -> None:
    """New numbers of a sparse constant have no parameters."""
    made = FORMATS["rows"]()
    made.hold(np.ones((3, 4), np.float32))
    assert made.sparsity is None
    assert made.array is not None
    assert made.array.sum() == 12


@pytest.mark.parametrize(
    ("shape", "order", "blocks", "levels"),
    [
        ((3, 4), [0, 0], [], [dense(3), dense(4)]),
        ((3, 4), [0], [], [dense(3)]),
        ((3, 4), [0, 1], [], [dense(4), dense(4)]),
        ((3, 4), [0, 1], [], [dense(3), compressed([0, 1, 2], [0, 1])]),
        ((3, 4), [0, 1], [], [dense(3), compressed([0, 1, 2, 3], [0, 1, 4])]),
        ((3, 4), [0, 1], [], [dense(3), compressed([0, 1, 2, 3], [0, 1, -1])]),
        ((3, 4), [0, 1], [], [dense(3), compressed([0, 2, 1, 3], [0, 1, 2])]),
        ((3, 4), [0, 1], [], [dense(3), compressed([0, 2, 2, 3], [1, 1, 2])]),
        ((3, 4), [0, 1], [], [dense(3), {"format": 1, "dense_size": 0}]),
        ((3, 4), [0, 1, 2], [2], [dense(3), dense(1), dense(4)]),
        ((3, 4), [0, 1, 2], [1], [dense(3), dense(1), dense(3)]),
        ((3, 4), [0, 2, 1], [1], [dense(3), dense(4), dense(1)]),
        ((4, 4), [0, 1, 2, 3], [1, 0], [dense(2), dense(2), dense(2), dense(2)]),
        (
            (2, 4, 8),
            [0, 1, 2, 4, 5, 3],
            [0, 1, 2],
            [dense(1), dense(2), dense(2), dense(2), dense(4), dense(2)],
        ),
    ],
)
def test_parameters_that_contradict_themselves_are_an_error(
    shape: tuple[int, ...], order: list[int], blocks: list[int], levels: list[Level]
) -> None:
    """They are never read as some other numbers."""
    with pytest.raises(ModelFormatError, match="stored sparse"):
        _ = tensor(shape, order, blocks, *levels).array


def test_too_few_or_too_many_numbers_are_an_error() -> None:
    """The numbers are as many as their places."""
    made = FORMATS["rows"]()
    for data in (b"", made.data + made.data if made.data else b""):
        made.data = data
        with pytest.raises(ModelFormatError, match="numbers"):
            _ = made.array
