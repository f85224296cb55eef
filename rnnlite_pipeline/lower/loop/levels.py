"""How a recurrence's loops are nested: the steps a turn of each level runs.

A turn of a loop copies all that the loop carries, twice: DYNAMIC_UPDATE_SLICE copies its operand,
and WHILE what the body gives (tflite/kernels/while.cc, Eval_static). In loops of some turns each,
one within the other, each output is copied a few dozen times a level: time grows with the length,
where one loop over the whole output would take its square. But to enter a loop costs as well: its
memory is allocated anew, and the delegate is set up with the new places.

1. The innermost loop may run several steps a turn, and puts their outputs in place at once.
2. Where the length is known, the blocks are those of the least cost, by what was measured.
3. The parts of a length are as equal as may be.
4. Where it is open, there are two levels of blocks, and their sizes are computed by RANGE, SHAPE
   and MUL, which the interpreter evaluates while it prepares (shapes/late.py). The inner blocks
   are those of a long sequence. For n of them it is best to put sqrt(n) into an outer block: a
   turn over inner blocks copies the outer one, and a turn over outer blocks all outputs. The sizes
   are on the tangent of that root at n = 256, which RANGE can compute: (n + 256) / 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, isqrt

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import numbers

#: How many turns a loop that is not the outermost has at most.
BLOCK = 40

#: The length whose best blocks an open length has, too (rule 4).
LONG = 1000

#: Where rule 4 takes the tangent of the square root.
TANGENT = 256

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
    if isinstance(steps, Tensor):
        return _open_levels(emit, steps, turn, row)
    blocks: list[int] = []
    block, turns = turn, ceil(steps / turn)
    while most := _cheapest(turns, row * block)[1]:
        parts = ceil(turns / most)
        block *= ceil(turns / parts)
        blocks.append(block)
        turns = parts
    return Levels(tuple(blocks), block * turns)


def _open_levels(emit: Emitter, steps: Tensor, turn: int, row: int) -> Levels:
    """The loops over an open length, int32 [1] (rule 4).

    A RANGE starts below 0 where 0 steps would give 0 blocks, or blocks of 0 steps.
    """
    best = _cheapest(ceil(LONG / turn), row * turn)[1]
    turns, start = (steps, -1) if turn == 1 else (counted(emit, -turn, steps, turn), 0)
    inner = counted(emit, start, turns, best)
    block = counted(emit, start, turns, inner)
    outer = counted(emit, 0, inner, counted(emit, -TANGENT, inner, 2 * isqrt(TANGENT)))
    if turn > 1:
        block = emit.binary("MUL", block, emit.indices([turn]))
    wide = emit.binary("MUL", block, counted(emit, 0, inner, outer))
    return Levels((block, wide), emit.binary("MUL", wide, outer))


def counted(emit: Emitter, start: int, stop: Length, step: Length) -> Tensor:
    """`ceil((stop - start) / step)`, int32 [1]: the elements of a RANGE."""
    return emit.shape(numbers(emit, start, stop, step))


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
