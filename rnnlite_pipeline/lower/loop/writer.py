"""Recurrences as loops of builtin ops: exact for every cell, linear in the sequence length.

1. What depends on x alone is computed over the whole sequence before the loop (plan.py); a
   step reads its row of it. x is read in its own layout; nothing is transposed. Of a known length
   for which that is more than `LARGE` bytes, it is computed block by block (rule 3): a block's
   rows are still in the cache when its steps read them.
2. A reverse recurrence reads and writes from the last step to the first; nothing is reversed.
3. A loop copies what it carries at every turn. So an inner loop carries the outputs of a block
   of steps, and the loop around it puts the blocks in place, on as many levels as the length
   needs (levels.py): time grows with the length, not faster. Where only final states are
   used, no output is carried. A turn of the innermost loop runs several steps where that
   pays (turns.py).
4. Initial states are operands of the loop, final states its results: no variable is kept from
   call to call.
5. All sizes follow from SHAPE by ops that the interpreter evaluates while it prepares
   (shapes/late.py), so that the default delegate takes the bodies with an open batch and length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import Integer, counting_loop, scalar
from rnnlite_pipeline.lower.loop.levels import Length, Levels, levels
from rnnlite_pipeline.lower.loop.plan import plan
from rnnlite_pipeline.lower.loop.step import Outside, Step, Weights
from rnnlite_pipeline.lower.loop.turns import steps_a_turn

T = TypeVar("T")

#: The bytes of what is computed over the whole sequence, for a batch of 1, from which on it is
#: computed block by block: 2 to 7 % less time from 300 steps on, and 16 MB less memory
#: for 4,000 steps of 256; below, the weights are read once more for each block (benchmarks/peers).
LARGE = 512 << 10


@dataclass(frozen=True)
class Loops:
    """How loops are written.

    Attributes:
        narrow: Whether they read x rather than its products: they will be quantized to integers,
            or run on TensorFlow Lite Micro (plan.py, rule 2).
        weight_bytes: What a weight of the products takes, once the model is quantized; 0 where a
            turn is to run one step (turns.py).
        flat: Whether there is one loop over all steps, as it will be written out.
    """

    narrow: bool = False
    weight_bytes: int = 0
    flat: bool = False


#: One step a turn, the input's product over the whole sequence.
PLAIN = Loops()


def lower_to_loop(
    recurrence: Recurrence,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    used: set[Tensor],
    loops: Loops = PLAIN,
) -> list[Op]:
    """The ops that take a recurrence's place; the subgraphs they run are theirs alone.

    Args:
        recurrence: Any recurrence.
        inputs: x [T, B, F] or [B, T, F], then the initial states [B, width] or [1, width];
            None or missing: zeros.
        outputs: y, then the final states.
        used: The tensors that something reads; y is left uncomputed if not among them.
        loops: How it is written.
    """
    x, *initial = inputs
    y, *finals = outputs
    assert x is not None, "a recurrence reads a sequence"
    writer = _Writer(recurrence, x, loops)
    if loops.weight_bytes and y in used and not loops.narrow and not loops.flat:
        ends = recurrence.reverse or not used.isdisjoint(finals)
        weights = writer.plan.weights() * loops.weight_bytes
        writer.turn = steps_a_turn(writer.steps, weights, past_the_end=not ends)
    results = writer.run(initial, y in used)
    computed = dict(zip([*finals, y], results, strict=False))
    _deliver(writer.emit, {new: old for old, new in computed.items() if old in used})
    return writer.emit.ops


def _deliver(emit: Emitter, places: dict[Tensor, Tensor]) -> None:
    """Lets the ops produce the tensors that others already refer to."""
    for op in emit.ops:
        op.outputs = [places.get(tensor, tensor) for tensor in op.outputs]


class _Writer:
    """Writes one recurrence.

    Attributes:
        emit: The ops around the loops.
        axis: The time axis of x and y.
        steps: T.
        turn: The steps that a turn of the innermost loop runs.
        held: The steps of the sequences that the innermost loop reads: T, or those of a block.
    """

    def __init__(self, recurrence: Recurrence, x: Tensor, loops: Loops) -> None:
        self.flat, self.turn = loops.flat, 1
        self.emit = Emitter(recurrence.name)
        self.cell = recurrence.cell.equations()
        self.plan = plan(self.cell, hoists=not loops.narrow)
        self.outside = Outside(self.plan)
        self.reverse = recurrence.reverse
        self.x = x
        self.axis = 0 if recurrence.time_major else 1
        shape = x.shape or (OPEN,) * 3
        self.batch = shape[1 - self.axis]
        self.batch_size = self.emit.dimension(x, 1 - self.axis)
        self.length = self.emit.dimension(x, self.axis)
        fixed = shape[self.axis]
        self.steps: Length = self.length if fixed == OPEN else fixed
        self.held = self.steps

    def run(self, initial: Sequence[Tensor | None], puts_out: bool) -> list[Tensor]:
        """Appends everything; returns the final states, and y if asked for."""
        given = [*initial, *[None] * (len(self.cell.states) - len(initial))]
        states = [self._initial(w, s) for w, s in zip(self.cell.states, given, strict=True)]
        nested = Levels((), self.steps) if self.flat or not puts_out else self._levels()
        if nested.blocks and self._is_large():
            self.held, sequences = nested.blocks[0], [self.x]
        else:
            sequences = self.outside.compute(self.emit, self.x)
        end = self.steps if isinstance(self.steps, int) else scalar(self.emit, self.steps)
        if not puts_out:
            return self._pass(self.emit, 0, (0, end), states, sequences)
        same: list[Integer] = [*sequences]
        for block in nested.blocks:
            stride = block if isinstance(block, int) else scalar(self.emit, block)
            same = [stride, self._zeros(block), *same]
        carried = [*states, self._zeros(nested.room)]
        *states, y = self._pass(self.emit, len(nested.blocks), (0, end), carried, same)
        return [*states, self._trimmed(y)]

    def _pass(
        self,
        emit: Emitter,
        level: int,
        span: tuple[Integer, Integer],
        carried: list[Tensor],
        same: Sequence[Integer],
    ) -> list[Tensor]:
        """Runs the steps [start, end) of `span`: one by one, or by blocks of the level below.

        Args:
            emit: The ops around the loop.
            level: 0: each turn is a step; else it is a pass of the level below.
            span: The first step in time and the one after the last.
            carried: The states, and the block the outputs go to, if they are kept.
            same: Of this level and each below, but for level 0, the stride and a block for so
                many outputs; then the sequences that the steps read.
        """
        count = len(self.cell.states)

        def turn(
            emit: Emitter, t: Tensor, carried: list[Tensor], same: Sequence[Any]
        ) -> list[Tensor]:
            start, end, *same = same
            states, kept = carried[:count], carried[count:]
            if level:
                stride, block, *same = same
                beyond = emit.binary("ADD", t, scalar(emit, stride))
                until = emit.binary("MINIMUM", beyond, scalar(emit, end))
                span, read = self._of_block(emit, level, (t, until), same)
                *states, part = self._pass(emit, level - 1, span, [*states, block], read)
            else:
                states, outputs = self._turn(emit, t, states, same)
                part = self._together(emit, outputs) if kept else states[0]
            return [*states, *(self._placed(emit, whole, part, (start, t)) for whole in kept)]

        return counting_loop(
            emit,
            f"level_{level}",
            span,
            same[0] if level else self.turn,
            backwards=self.reverse,
            carried=carried,
            same=[*span, *same],
            body=turn,
        )

    def _is_large(self) -> bool:
        """Whether what is computed of x alone is better computed block by block."""
        if self.plan.hoists and isinstance(self.steps, int):
            width = sum(form.width for form in self.outside.forms)
            return 4 * self.steps * width > LARGE
        return False

    def _of_block(
        self, emit: Emitter, level: int, span: tuple[Tensor, Integer], same: Sequence[Any]
    ) -> tuple[tuple[Integer, Integer], Sequence[Any]]:
        """The span of a block, and the sequences that its steps read; theirs alone where large.

        Args:
            emit: The ops of a turn of the loop over blocks.
            level: Of that loop; the innermost blocks are those of level 1.
            span: The first step of the block in time and the one after the last.
            same: The sequences of all steps; x where each block computes its own.
        """
        if level > 1 or self.held is self.steps:
            return span, same
        assert isinstance(self.held, int), "what is large has a known length"
        assert isinstance(self.steps, int), "what is large has a known length"
        first, until = span
        places = emit.binary("ADD", first, emit.indices(range(self.held)))
        count: Integer = self.held
        if self.steps % self.held:
            places = emit.binary("MINIMUM", places, scalar(emit, self.steps - 1))
            count = emit.binary("SUB", scalar(emit, until), first)
        (x,) = same
        return (0, count), self.outside.compute(emit, emit.gather(x, places, self.axis))

    def _levels(self) -> Levels:
        return levels(self.emit, self.steps, self.turn, 4 * self.cell.states[0])

    def _turn(
        self,
        emit: Emitter,
        t: Tensor,
        states: list[Tensor],
        sequences: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The states after the steps of a turn, and the outputs of each.

        `t`: the first of them in time.
        """
        outputs: list[Tensor] = []
        weights: Weights = {}
        for rows in self._rows(emit, t, sequences):
            step = Step(emit, self.plan, self.outside, rows, states, weights=weights)
            states = step.run(self.cell)
            outputs.append(states[0])
        return states, outputs

    def _rows(
        self, emit: Emitter, t: Tensor, sequences: Sequence[Tensor]
    ) -> Sequence[Sequence[Tensor]]:
        """Of each step of a turn, in the order they are run, its row of each sequence."""
        if self.turn == 1:
            return [[emit.gather(sequence, t, self.axis) for sequence in sequences]]
        assert isinstance(self.held, int), "a turn of an open length is one step"
        steps = emit.binary("ADD", t, emit.indices(range(self.turn)))
        if self.held % self.turn:
            steps = emit.binary("MINIMUM", steps, scalar(emit, self.held - 1))
        gathered = [emit.gather(sequence, steps, self.axis) for sequence in sequences]
        rows = zip(*(emit.unpack(each, self.axis) for each in gathered), strict=True)
        return [*rows][:: -1 if self.reverse else 1]

    def _together(self, emit: Emitter, outputs: list[Tensor]) -> Tensor:
        """The outputs of a turn along the time axis, in the order of time."""
        if len(outputs) == 1:
            return emit.expand_dims(outputs[0], self.axis)
        return emit.pack(outputs[:: -1 if self.reverse else 1], self.axis)

    def _initial(self, width: int, given: Tensor | None) -> Tensor:
        """An initial state [B, width]; one row given is repeated for every batch entry."""
        shape = (self.batch, width)
        if given is not None and given.shape == shape and self.batch != OPEN:
            return given
        size = self._dims([self.batch_size, self.emit.indices([width])])
        if given is None:
            return self.emit.fill(size, self._zero(), shape)
        return self.emit.op("BROADCAST_TO", [given, size], "FLOAT32", shape)

    def _zeros(self, length: Length) -> Tensor:
        """A tensor for `length` outputs, in y's layout."""
        known = OPEN if isinstance(length, Tensor) else length
        rows = length if isinstance(length, Tensor) else self.emit.indices([length])
        outputs = self.cell.states[0]
        dims = self._dims([*self._ordered(rows, self.batch_size), self.emit.indices([outputs])])
        return self.emit.fill(dims, self._zero(), (*self._ordered(known, self.batch), outputs))

    def _placed(
        self, emit: Emitter, whole: Tensor, part: Tensor, place: tuple[Integer, Tensor]
    ) -> Tensor:
        """`whole` with `part` at a step; `place`: where `whole` starts (0 if known), the step."""
        zero, (start, t) = scalar(emit, 0), place
        at = emit.binary("SUB", t, start) if isinstance(start, Tensor) else t
        begin = make_op(
            "PACK",
            [*self._ordered(at, zero), zero],
            [emit.tensor("start", "INT32", [3])],
            values_count=3,
            axis=0,
        )
        emit.ops.append(begin)
        return emit.update(whole, part, begin.outputs[0])

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
