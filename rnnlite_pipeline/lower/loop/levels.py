"""How a recurrence's loops are nested: the steps a turn of each level runs.

A turn of a loop copies all that the loop carries. In loops of some `BLOCK` turns each, one within
the other, each output is copied `BLOCK` times a level: time grows with the length, where one loop
over the whole output would take its square.

The parts of a length are as equal as may be. Where the length is open the sizes of the blocks are
computed by RANGE and SHAPE, which the interpreter evaluates while it prepares (shapes/late.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from rnnlite_pipeline.graph.ir import OPEN, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import scalar

#: About how many turns a loop that is not the outermost has. Measured: from
#: 25 to 60 makes no difference of 5 %.
BLOCK = 40

#: The levels above the first where the length is open: enough for BLOCK^3 steps.
OPEN_LEVELS = 2


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


def levels(emit: Emitter, steps: Length) -> Levels:
    """The loops over `steps` steps; ops for sizes go to `emit`."""
    blocks: list[Length] = []
    block: Length = 1
    turns = steps
    while len(blocks) < OPEN_LEVELS if isinstance(turns, Tensor) else turns > BLOCK:
        parts = _parts(emit, turns, BLOCK)
        block = _product(emit, block, _parts(emit, turns, parts))
        blocks.append(block)
        turns = parts
    return Levels(tuple(blocks), _product(emit, block, turns))


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
    if not isinstance(b, Tensor):
        assert isinstance(a, int)
        return a * b
    if not isinstance(a, Tensor):
        return b
    factors = [emit.concatenate([a, b], 0), emit.indices([0])]
    return emit.op("REDUCE_PROD", factors, "INT32", [1], keep_dims=True)
