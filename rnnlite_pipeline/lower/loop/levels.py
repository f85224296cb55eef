"""How a recurrence's loops are nested: the steps a turn of each level runs.

A turn of a loop copies all that the loop carries, twice: DYNAMIC_UPDATE_SLICE copies its operand,
and WHILE what the body gives (tflite/kernels/while.cc, Eval_static). In loops of some turns each,
one within the other, each output is copied a few dozen times a level: time grows with the length,
where one loop over the whole output would take its square. But to enter a loop costs as well: its
memory is allocated anew, and the delegate is set up with the new places.

1. The innermost loop may run several steps a turn, and puts their outputs in place at once.
2. Where the length is known, the blocks are those of the least cost, by what was measured.
3. The parts of a length are as equal as may be.
4. Where it is open, the sizes of the blocks are computed by RANGE and SHAPE, which the interpreter
   evaluates while it prepares (shapes/late.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import scalar

#: How many turns a loop that is not the outermost has at most, and where the length is open.
BLOCK = 40

#: The levels above the first where the length is open: enough for BLOCK^3 turns.
OPEN_LEVELS = 2

#: To enter a loop takes as long as to copy so many bytes: 5 to 10 us (benchmarks/peers).
ENTRY = 225_000

#: A level takes 2 KB of the file: it has to save the copying of so many outputs a step.
SAVES = 16

#: The turns of a block that are considered.
_TURNS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40)

#: A number of steps, or an int32 [1] that is known when tensors are allocated.
Length = int | Tensor


@dataclass(frozen=True)
class Levels:
    """The loops, innermost first.

    Attributes:
        blocks: The length of the block that each loop but the outermost fills.
        room: The outputs that the outermost loop carries: whole blocks.
    """

    blocks: tuple[Length, ...]
    room: Length


def levels(emit: Emitter, steps: Length, turn: int = 1, row: int = 512) -> Levels:
    """The loops over `steps` steps; ops for sizes go to `emit`.

    Args:
        emit: The ops around the loops.
        steps: T.
        turn: The steps of a turn of the innermost loop.
        row: The bytes of a step's output.
    """
    blocks: list[Length] = []
    block: Length = turn
    turns = _parts(emit, steps, turn) if turn > 1 else steps
    while True:
        if isinstance(turns, Tensor):
            most = BLOCK if len(blocks) < OPEN_LEVELS else 0
        else:
            most = _cheapest(turns, row * _known(block))[1]
        if not most:
            return Levels(tuple(blocks), _product(emit, block, turns))
        parts = _parts(emit, turns, most)
        block = _product(emit, block, _parts(emit, turns, parts))
        blocks.append(block)
        turns = parts


@cache
def _cheapest(turns: int, row: int) -> tuple[float, int]:
    """What a turn costs in copied bytes, and the turns of a block; 0 for no block.

    Args:
        turns: Of the loop.
        row: The bytes of a turn's output.
    """
    choices = [(2.0 * row * turns, 0)] if turns <= BLOCK else []
    for block in (each for each in _TURNS if each <= BLOCK and each < turns):
        around, _ = _cheapest(ceil(turns / block), row * block)
        choices.append(((2.0 * block + SAVES) * row + (ENTRY + around) / block, block))
    return min(choices)


def _known(block: Length) -> int:
    assert isinstance(block, int), "an open block is of an open length"
    return block


def _parts(emit: Emitter, whole: Length, part: Length) -> Length:
    """How many parts make up a whole; where that is open perhaps one more, so that it is never 0.

    RANGE from -1 has `whole // part + 1` elements.
    """
    if not isinstance(whole, Tensor):
        assert isinstance(part, int)
        return ceil(whole / part)
    ends = [scalar(emit, n) for n in (-1, whole, part)]
    return emit.shape(emit.op("RANGE", ends, "INT32", [OPEN]))


def _product(emit: Emitter, a: Length, b: Length) -> Length:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if a == 1 or b == 1:
        return b if a == 1 else a
    sizes = [emit.indices([n]) if isinstance(n, int) else n for n in (a, b)]
    factors = [emit.concatenate(sizes, 0), emit.indices([0])]
    return emit.op("REDUCE_PROD", factors, "INT32", [1], keep_dims=True)
