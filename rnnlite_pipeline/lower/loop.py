"""Recurrences as loops of builtin ops: exact for every cell, linear in the sequence length.

1. What depends on x alone is computed over the whole sequence before the loop (loop_plan.py); a
   step reads its row of it. x is read in its own layout; nothing is transposed.
2. A reverse recurrence reads and writes from the last step to the first; nothing is reversed.
3. A loop copies what it carries at every turn. So an inner loop carries the outputs of a block
   of steps, and an outer loop puts the blocks in place. Where the sequence is not longer than
   one block, one loop does; where only final states are used, no output is carried.
4. Initial states are operands of the loop, final states its results: no variable is kept from
   call to call.
5. All sizes follow from SHAPE by ops that the interpreter evaluates while it prepares
   (dynamic.py), so that the default delegate takes the bodies with an open batch and length.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isqrt
from typing import TypeVar

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop_cells import equations_of
from rnnlite_pipeline.lower.loop_plan import plan
from rnnlite_pipeline.lower.loop_step import Outside, Step
from rnnlite_pipeline.lower.loop_while import Integer, counting_loop, scalar
from rnnlite_pipeline.recurrence import Recurrence

T = TypeVar("T")

#: The least number of steps whose outputs are carried as a block, and the number where the length
#: is open. Measured (benchmarks/loop.py): from 25 to 60 makes no difference of 5 %.
BLOCK = 40


def lower_to_loop(
    recurrence: Recurrence,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    used: set[Tensor],
) -> list[Op]:
    """The ops that take a recurrence's place; the subgraphs they run are theirs alone.

    Args:
        recurrence: Any recurrence.
        inputs: x [T, B, F] or [B, T, F], then the initial states [B, width] or [1, width];
            None or missing: zeros.
        outputs: y, then the final states.
        used: The tensors that something reads; y is left uncomputed if not among them.
    """
    x, *initial = inputs
    y, *finals = outputs
    assert x is not None, "a recurrence reads a sequence"
    writer = _Writer(recurrence, x)
    results = writer.run(initial, y in used)
    computed = dict(zip([*finals, y], results, strict=False))
    _deliver(writer.emit, {new: old for old, new in computed.items() if old in used})
    return writer.emit.ops


def block_length(steps: Integer) -> int:
    """How many steps are a block: blocks are equal as far as may be.

    Each step copies its block and each block the whole output: the least for blocks of √T.
    """
    if isinstance(steps, Tensor):
        return BLOCK
    count = ceil(steps / max(BLOCK, isqrt(steps)))
    return ceil(steps / max(count, 1))


def _deliver(emit: Emitter, places: dict[Tensor, Tensor]) -> None:
    """Lets the ops produce the tensors that others already refer to."""
    for op in emit.ops:
        op.outputs = [places.get(tensor, tensor) for tensor in op.outputs]


class _Writer:
    """Writes one recurrence.

    Attributes:
        emit: The ops around the loop.
        axis: The time axis of x and y.
        steps: T.
        block: The number of steps in a block.
    """

    def __init__(self, recurrence: Recurrence, x: Tensor) -> None:
        self.emit = Emitter(recurrence.name)
        self.cell = equations_of(recurrence.cell)
        self.plan = plan(self.cell)
        self.outside = Outside(self.plan)
        self.reverse = recurrence.reverse
        self.x = x
        self.axis = 0 if recurrence.time_major else 1
        shape = x.shape or (OPEN,) * 3
        self.batch = shape[1 - self.axis]
        self.batch_size = self.emit.dimension(x, 1 - self.axis)
        self.length = self.emit.dimension(x, self.axis)
        fixed = shape[self.axis]
        self.steps: Integer = self.emit.reshape(self.length, []) if fixed == OPEN else fixed
        self.block = block_length(self.steps)

    def run(self, initial: Sequence[Tensor | None], puts_out: bool) -> list[Tensor]:
        """Appends everything; returns the final states, and y if asked for."""
        given = [*initial, *[None] * (len(self.cell.states) - len(initial))]
        states = [self._initial(w, s) for w, s in zip(self.cell.states, given, strict=True)]
        sequences = self.outside.compute(self.emit, self.x)
        whole = (0, self.steps)
        if not puts_out:
            return self._steps(self.emit, whole, states, sequences)
        if self.steps == self.block:
            y = self._zeros(self.length, self.block)
            return self._steps(self.emit, whole, [*states, y], sequences)
        return self._blocks(states, sequences)

    def _blocks(self, states: list[Tensor], sequences: list[Tensor]) -> list[Tensor]:
        """The outer loop: each turn runs `block` steps, the last in time perhaps fewer."""
        places, known = self._places()
        y = self._zeros(places, known)
        empty = self._zeros(self.emit.indices([self.block]), self.block)
        steps = [self.steps] if isinstance(self.steps, Tensor) else []

        def turn(
            emit: Emitter, start: Tensor, carried: list[Tensor], same: list[Tensor]
        ) -> list[Tensor]:
            *states, y = carried
            limit = same[0] if steps else scalar(emit, self.steps)
            block, *sequences = same[len(steps) :]
            end = emit.binary("MINIMUM", emit.binary("ADD", start, scalar(emit, self.block)), limit)
            *states, block = self._steps(emit, (start, end), [*states, block], sequences)
            return [*states, self._placed(emit, y, block, start)]

        counts = self._counts(self.emit, (0, self.steps), self.block)
        same = [*steps, empty, *sequences]
        *states, y = counting_loop(
            self.emit, "blocks", counts, carried=[*states, y], same=same, body=turn
        )
        return [*states, self._trimmed(y)]

    def _steps(
        self,
        emit: Emitter,
        span: tuple[Integer, Integer],
        carried: list[Tensor],
        sequences: list[Tensor],
    ) -> list[Tensor]:
        """The inner loop over the steps [start, end) of `span`.

        Args:
            emit: The ops around it.
            span: The first step in time and the one after the last.
            carried: The states, and the block the outputs go to, if they are kept.
            sequences: What the steps read.
        """
        count = len(self.cell.states)

        def turn(
            emit: Emitter, t: Tensor, carried: list[Tensor], sequences: list[Tensor]
        ) -> list[Tensor]:
            rows = [emit.gather(sequence, t, self.axis) for sequence in sequences]
            step = Step(emit, self.plan, self.outside, rows, carried[:count])
            states = step.run(self.cell)
            kept = carried[count:]
            if kept:
                block = scalar(emit, self.block)
                place = t if self.steps == self.block else emit.binary("FLOOR_MOD", t, block)
                output = emit.expand_dims(states[0], self.axis)
                kept = [self._placed(emit, kept[0], output, place)]
            return [*states, *kept]

        counts = self._counts(emit, span, 1)
        return counting_loop(emit, "steps", counts, carried=carried, same=sequences, body=turn)

    def _counts(
        self, emit: Emitter, span: tuple[Integer, Integer], stride: int
    ) -> tuple[Integer, Integer, int]:
        """What a loop over `span` counts through, in the order the recurrence runs."""
        start, end = span
        if not self.reverse:
            return start, end, stride
        if isinstance(end, int):
            return (end - 1) // stride * stride, start, -stride
        last = emit.binary("SUB", end, scalar(emit, 1))
        if stride > 1:
            whole = emit.binary("FLOOR_DIV", last, scalar(emit, stride))
            last = emit.binary("MUL", whole, scalar(emit, stride))
        return last, start, -stride

    def _initial(self, width: int, given: Tensor | None) -> Tensor:
        """An initial state [B, width]; one row given is repeated for every batch entry."""
        shape = (self.batch, width)
        if given is not None and given.shape == shape and self.batch != OPEN:
            return given
        size = self._dims([self.batch_size, self.emit.indices([width])])
        if given is None:
            return self.emit.fill(size, self._zero(), shape)
        return self.emit.op("BROADCAST_TO", [given, size], "FLOAT32", shape)

    def _places(self) -> tuple[Tensor, int]:
        """Room for whole blocks: the length of y rounded up, int32 [1], and as far as known.

        RANGE has as many elements as there are blocks, and its size is known early (rule 5).
        """
        if isinstance(self.steps, int):
            room = ceil(self.steps / self.block) * self.block
            return self.emit.indices([room]), room
        ends = [scalar(self.emit, 0), self.steps, scalar(self.emit, self.block)]
        starts = self.emit.op("RANGE", ends, "INT32", [OPEN])
        factors = [self.emit.shape(starts), self.emit.indices([self.block])]
        product = [self.emit.concatenate(factors, 0), self.emit.indices([0])]
        return self.emit.op("REDUCE_PROD", product, "INT32", [1], keep_dims=True), OPEN

    def _zeros(self, length: Tensor, known: int) -> Tensor:
        """A tensor for `length` outputs, in y's layout."""
        outputs = self.cell.states[0]
        sizes = self._ordered(length, self.batch_size)
        dims = self._dims([*sizes, self.emit.indices([outputs])])
        shape = (*self._ordered(known, self.batch), outputs)
        return self.emit.fill(dims, self._zero(), shape)

    def _placed(self, emit: Emitter, whole: Tensor, part: Tensor, place: Tensor) -> Tensor:
        """`whole` with `part` from `place` on along the time axis."""
        zero = scalar(emit, 0)
        start = make_op(
            "PACK",
            [*self._ordered(place, zero), zero],
            [emit.tensor("start", "INT32", [3])],
            values_count=3,
            axis=0,
        )
        emit.ops.append(start)
        return emit.update(whole, part, start.outputs[0])

    def _trimmed(self, y: Tensor) -> Tensor:
        """y without the places behind the last step."""
        shape = y.shape or ()
        if shape[self.axis] == self.steps:
            return y
        zero, known = self.emit.indices([0]), self.steps if isinstance(self.steps, int) else OPEN
        end = self._dims([*self._ordered(self.length, zero), zero])
        others = 0b111 & ~(1 << self.axis)
        return self.emit.op(
            "STRIDED_SLICE",
            [y, self.emit.indices([0, 0, 0]), end, self.emit.indices([1, 1, 1])],
            "FLOAT32",
            (*self._ordered(known, self.batch), shape[2]),
            begin_mask=others,
            end_mask=others,
        )

    def _ordered(self, time: T, batch: T) -> tuple[T, T]:
        """Something of the time and the batch axis, in the layout's order."""
        return (time, batch) if self.axis == 0 else (batch, time)

    def _dims(self, sizes: Sequence[Tensor]) -> Tensor:
        """A shape put together, int32 [rank]; a constant where all of it is."""
        arrays = [size.array for size in sizes]
        known = [a for a in arrays if a is not None]
        if len(known) == len(arrays):
            return self.emit.constant("shape", np.concatenate(known))
        return self.emit.concatenate(sizes, 0)

    def _zero(self) -> Tensor:
        return self.emit.constant("zero", np.zeros((), np.float32))
