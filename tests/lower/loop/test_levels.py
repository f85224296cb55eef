"""How loops are nested: blocks of known lengths, and the sizes of open ones."""

from __future__ import annotations

from itertools import pairwise
from math import isqrt

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop import levels
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.single import graph


@pytest.mark.parametrize("turn", [1, 4])
@pytest.mark.parametrize("row", [32, 512, 4096])
@pytest.mark.parametrize("steps", [1, 40, 41, 333, 10_000, 10**6])
def test_blocks_are_as_equal_as_may_be(steps: int, row: int, turn: int) -> None:
    """No loop has more turns than a block may have, and little room is left over."""
    nested = levels.levels(Emitter("test"), steps, turn, row)
    assert isinstance(nested.room, int)
    ends = [turn, *(each for each in nested.blocks if isinstance(each, int)), nested.room]
    for inner, outer in pairwise(ends):
        assert outer % inner == 0
        assert outer // inner <= levels.BLOCK
    assert steps <= nested.room < 1.2 * (steps + turn)


def test_wide_outputs_have_shorter_blocks() -> None:
    """What is copied counts in bytes, and so does what it saves to enter a loop seldom."""
    narrow, usual, wide = (
        levels.levels(Emitter("test"), 1000, 1, row).blocks[0] for row in (64, 512, 4096)
    )
    assert isinstance(narrow, int)
    assert isinstance(usual, int)
    assert isinstance(wide, int)
    assert narrow > usual > wide


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_short_sequence_is_one_loop(steps: int) -> None:
    """Nothing is computed for its sizes."""
    emit = Emitter("test")
    assert levels.levels(emit, steps) == levels.Levels((), steps)
    assert emit.ops == []


def test_a_turn_that_does_not_part_the_length() -> None:
    """There is room for all steps of the last turn."""
    assert levels.levels(Emitter("test"), 6, 4) == levels.Levels((), 8)


def _sizes_at(length: int, row: int) -> list[int]:
    """Both blocks and the room of an open length, as the interpreter computes them."""
    emit, x = Emitter("test"), Tensor("x", "FLOAT32", (OPEN,))
    nested = levels.levels(emit, emit.dimension(x, 0), row=row)
    sizes = [size for size in (*nested.blocks, nested.room) if isinstance(size, Tensor)]
    for k, size in enumerate(sizes):
        size.name = f"size{k}"
    found = Runner(write_model(graph([x], sizes, emit.ops))).run({"x": np.zeros(length, "f4")})
    return [int(found[f"size{k}"][0]) for k in range(3)]


@pytest.mark.parametrize("row", [4, 512, 8192])
@pytest.mark.parametrize("length", [0, 1, 19, 20, 21, 100, 1600, 70_001])
def test_the_sizes_of_an_open_length(length: int, row: int) -> None:
    """Three loops: each block is whole blocks of the inner loop, and all steps have room."""
    inner, outer, room = _sizes_at(length, row)
    assert 0 < inner <= levels.BLOCK
    assert outer % inner == 0
    assert room % outer == 0
    assert room // outer <= 2 * isqrt(levels.TANGENT)
    assert length <= room <= 1.3 * length + 8


@pytest.mark.parametrize("length", [30, 300, 1000, 5000])
def test_the_blocks_of_an_open_length_are_near_the_best(length: int) -> None:
    """They cost at most 1.3 times what the same loops cost with the best two blocks."""
    block, whole, _ = _sizes_at(length, 512)

    def cost(inner: int, outer: int) -> float:
        """Of a step, in copied bytes; a step's output has 512."""
        copied = [2.0 * 512 * size for size in (inner, outer, max(length, outer))]
        entered = levels.ENTRY
        return copied[0] + (copied[1] + entered) / inner + (copied[2] + entered) / outer

    best = min(
        cost(inner, inner * turns) for inner in range(1, 100) for turns in range(1, length + 1)
    )
    assert cost(block, whole) < 1.3 * best
