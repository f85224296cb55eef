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
5. Two recurrences can be one loop (pair.py): its sequences and states then have an axis of lanes
   in front, and each op of a step computes both (joined.py).
6. All sizes follow from SHAPE by ops that the interpreter evaluates while it prepares
   (shapes/late.py), so that the default delegate takes the bodies with an open batch and length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from rnnlite_pipeline.algebra.structure import Structure
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.graph.loop_names import level_name
from rnnlite_pipeline.lower.emit import Emitter
from rnnlite_pipeline.lower.loop.counting import Integer, counting_loop, numbers, run_if, scalar
from rnnlite_pipeline.lower.loop.joined import Joined, NotAlike, Written
from rnnlite_pipeline.lower.loop.levels import Length, Levels, counted, levels
from rnnlite_pipeline.lower.loop.plan import Order, own_key, plan
from rnnlite_pipeline.lower.loop.step import Outside, Step, Weights
from rnnlite_pipeline.lower.loop.turns import WHOLE, steps_a_turn

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
        slices: Whether a target may slice a row [B, width]; the delegate for GPUs does not.
        branches: Whether they may have IF ops (turns.py, rule 4).
    """

    narrow: bool = False
    weight_bytes: int = 0
    flat: bool = False
    slices: bool = True
    branches: bool = True


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
    writer = Writer([recurrence], x, loops)
    results = writer.run([initial], y in used, ends=not used.isdisjoint(finals))
    return delivered(writer.emit, dict(zip(results, [*finals, y], strict=False)), used)


def delivered(emit: Emitter, computed: dict[Tensor, Tensor], used: set[Tensor]) -> list[Op]:
    """The ops; what they compute are the tensors that others already refer to."""
    places = {new: old for new, old in computed.items() if old in used}
    for op in emit.ops:
        op.outputs = [places.get(tensor, tensor) for tensor in op.outputs]
    return emit.ops


def _stacked(emit: Emitter, lanes: Sequence[Tensor]) -> Tensor:
    """The lanes along a new first axis; PACK takes no BOOL."""
    if lanes[0].dtype != "BOOL":
        return emit.pack(lanes, 0)
    return emit.concatenate([emit.expand_dims(lane, 0) for lane in lanes], 0)


class Writer:
    """Writes one recurrence, or two of one x as the lanes of one loop.

    Attributes:
        emit: The ops around the loops.
        lanes: The number of lanes in front of the axes of all that the loop reads and carries; ()
            where there is no such axis.
        x_axis: The time axis of x.
        axis: The time axis of all that the loop reads and carries.
        steps: T.
        turn: The steps that a turn of the innermost loop runs.
        held: The steps of the sequences that the innermost loop reads: T, or those of a block.
    """

    def __init__(
        self,
        recurrences: Sequence[Recurrence],
        x: Tensor,
        loops: Loops,
        emit: Emitter | None = None,
    ) -> None:
        self.loops, self.turn = loops, 1
        first = recurrences[0]
        self.emit = emit or Emitter(first.name)
        self.cells = [each.cell.equations() for each in recurrences]
        self.states = self.cells[0].states
        joins = len(recurrences) > 1
        self.lanes = (len(recurrences),) * joins
        order: Order = Structure().of_atom if joins else own_key
        self.plans = [plan(cell, not loops.narrow, order, loops.slices) for cell in self.cells]
        self.outsides = [Outside(each) for each in self.plans]
        self.reverse = first.reverse
        self.x = [x]
        self.x_axis = 0 if first.time_major else 1
        self.axis = self.x_axis + joins
        for each in recurrences[1:]:
            turned = each.reverse != first.reverse
            self.x.append(self.emit.reverse(x, self.x_axis) if turned else x)
        shape = x.shape or (OPEN,) * 3
        self.batch = shape[1 - self.x_axis]
        self.batch_size = self.emit.dimension(x, 1 - self.x_axis)
        self.length = self.emit.dimension(x, self.x_axis)
        fixed = shape[self.x_axis]
        self.steps: Length = self.length if fixed == OPEN else fixed
        self.held = self.steps

    def run(
        self, initial: Sequence[Sequence[Tensor | None]], puts_out: bool, *, ends: bool
    ) -> list[Tensor]:
        """Appends everything; returns the final states, and y if asked for.

        Args:
            initial: Of each lane, the initial states.
            puts_out: Whether y is read.
            ends: Whether a final state is.
        """
        loops, known = self.loops, isinstance(self.steps, int)
        several = loops.weight_bytes and not loops.narrow and not loops.flat
        if several and puts_out and (known or loops.branches):
            weights = sum(each.weights() for each in self.plans) * loops.weight_bytes
            past = not ends and not self.reverse
            self.turn = steps_a_turn(self.steps, weights, past_the_end=past)
        states = self.initial(self.states, initial)
        nested = Levels((), self.steps) if loops.flat or not puts_out else self._levels()
        if nested.blocks and self._is_large():
            self.held, sequences = nested.blocks[0], self.x
        else:
            sequences = self._sequences(self.emit, self.x)
        end = self.steps if isinstance(self.steps, int) else scalar(self.emit, self.steps)
        same: list[Integer] = [self.turn, *sequences]
        if not puts_out:
            return self._pass(self.emit, 0, (0, end), states, same)
        for block in nested.blocks:
            stride = block if isinstance(block, int) else scalar(self.emit, block)
            same = [stride, self._zeros(block), *same]
        level = len(nested.blocks)
        if isinstance(end, Tensor) and self.turn > 1:
            y = self._zeros(counted(self.emit, -WHOLE, nested.room, 1))
            *states, y = self._in_parts(level, end, [*states, y], same)
        else:
            carried = [*states, self._zeros(nested.room)]
            *states, y = self._pass(self.emit, level, (0, end), carried, same)
        return [*states, self._trimmed(y)]

    def initial(
        self, widths: Sequence[int], given: Sequence[Sequence[Tensor | None]]
    ) -> list[Tensor]:
        """The initial states [B, width] of these widths, that of each lane; zeros where not given.

        `given`: of each lane, its initial states.
        """
        lanes = [[*each, *[None] * (len(widths) - len(each))] for each in given]
        states = zip(*lanes, strict=True)
        return [self._initial(width, each) for width, each in zip(widths, states, strict=True)]

    def one_step(self, states: Sequence[Tensor]) -> list[Tensor]:
        """Appends one step over an x of one step; returns the states after it.

        `states`: those before it, [B, width].
        """
        sequences = self._sequences(self.emit, self.x)
        rows = [self.emit.step(each, self.axis, 0) for each in sequences]
        ops, new = self._step(self.emit.prefix, 0, rows, states, {})
        self.emit.ops += ops
        return new

    def _in_parts(
        self, level: int, end: Tensor, carried: list[Tensor], same: Sequence[Any]
    ) -> list[Tensor]:
        """Runs all steps: most in turns of several (turns.py, rule 4), the last ones one by one.

        Args:
            level: Of the loops for turns of several steps.
            end: T, an int32 scalar.
            carried: The states, and the block that the outputs of T + WHOLE steps go to.
            same: As in `_pass`.
        """
        emit, (*states, y) = self.emit, carried
        parts = emit.binary("FLOOR_DIV", end, scalar(emit, WHOLE))
        most = emit.binary("MUL", parts, scalar(emit, WHOLE))
        sequences = same[1 + 2 * level :]

        def in_turns(inner: Emitter, given: list[Tensor], same: Sequence[Any]) -> list[Tensor]:
            until, *same = same
            return self._pass(inner, level, (0, until), given, same)

        def one_by_one(states: list[Tensor]) -> list[Tensor]:
            carried = [*states, self._zeros(emit.indices([WHOLE]))]
            return self._pass(emit, 0, (most, end), carried, [1, *sequences], name="rest")

        if self.reverse:
            *states, rest = one_by_one(states)
        some = emit.binary("GREATER", parts, scalar(emit, 0))
        given, read = [*states, y], [most, *same]
        *states, y = run_if(emit, level_name("most"), some, given, read, body=in_turns)
        if not self.reverse:
            *states, rest = one_by_one(states)
        return [*states, self._placed(emit, y, rest, (0, most))]

    def _sequences(self, emit: Emitter, x: Sequence[Tensor]) -> list[Tensor]:
        """What the steps read, over all of x, that of each lane."""
        found = [o.compute(emit, each) for o, each in zip(self.outsides, x, strict=True)]
        if not self.lanes:
            return found[0]
        one, two = ([(s.dtype, (s.shape or ())[-1]) for s in lane] for lane in found)
        if one != two:
            raise NotAlike
        return [_stacked(emit, lanes) for lanes in zip(*found, strict=True)]

    def _pass(
        self,
        emit: Emitter,
        level: int,
        span: tuple[Integer, Integer],
        carried: list[Tensor],
        same: Sequence[Integer],
        *,
        name: str = "",
    ) -> list[Tensor]:
        """Runs the steps [start, end) of `span`: turn by turn, or by blocks of the level below.

        Args:
            emit: The ops around the loop.
            level: 0: a turn runs steps; else it is a pass of the level below.
            span: The first step in time and the one after the last.
            carried: The states, and the block the outputs go to, if they are kept.
            same: Of this level and each below, the steps that a turn runs, and above level 0 a
                block for so many outputs; then the sequences that the steps read.
            name: Of the loop, where it is not that of its level.
        """
        count = len(self.states)

        def turn(
            emit: Emitter, t: Tensor, carried: list[Tensor], same: Sequence[Any]
        ) -> list[Tensor]:
            start, end, stride, *same = same
            states, kept = carried[:count], carried[count:]
            if level:
                block, *same = same
                beyond = emit.binary("ADD", t, scalar(emit, stride))
                until = emit.binary("MINIMUM", beyond, scalar(emit, end))
                span, read = self._of_block(emit, level, (t, until), same)
                *states, part = self._pass(emit, level - 1, span, [*states, block], read)
            else:
                states, outputs = self._turn(emit, t, stride, states, same)
                part = self._together(emit, outputs) if kept else states[0]
            return [*states, *(self._placed(emit, whole, part, (start, t)) for whole in kept)]

        return counting_loop(
            emit,
            level_name(name or level),
            span,
            same[0],
            backwards=self.reverse,
            carried=carried,
            same=[*span, *same],
            body=turn,
        )

    def _is_large(self) -> bool:
        """Whether what is computed of x alone is better computed block by block."""
        if not self.loops.narrow and isinstance(self.steps, int):
            width = sum(form.width for outside in self.outsides for form in outside.forms)
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
            same: The steps of a turn, and the sequences of all steps; x where each block computes
                its own.
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
        turn, *x = same
        gathered = [emit.gather(each, places, self.x_axis) for each in x]
        return (0, count), [turn, *self._sequences(emit, gathered)]

    def _levels(self) -> Levels:
        return levels(self.emit, self.steps, self.turn, 4 * len(self.cells) * self.states[0])

    def _turn(
        self,
        emit: Emitter,
        t: Tensor,
        steps: int,
        states: list[Tensor],
        sequences: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The states after so many steps, and the outputs of each.

        `t`: the first of them in time.
        """
        outputs: list[Tensor] = []
        weights: list[Weights] = [{} for _ in self.cells]
        joined = Joined(scaled=self.loops.weight_bytes == 1)
        for rows in self._rows(emit, t, steps, sequences):
            lanes = [
                self._step(emit.prefix, lane, rows, states, shared)
                for lane, shared in enumerate(weights)
            ]
            states = joined.append(emit, lanes)
            outputs.append(states[0])
        return states, outputs

    def _step(
        self,
        prefix: str,
        lane: int,
        rows: Sequence[Tensor],
        states: Sequence[Tensor],
        weights: Weights,
    ) -> Written:
        """The ops of a lane's step, and the states after it."""
        emit = Emitter(prefix)
        plan, outside = self.plans[lane], self.outsides[lane]
        step = Step(emit, plan, outside, rows, states, weights=weights)
        return emit.ops, step.run(self.cells[lane])

    def _rows(
        self, emit: Emitter, t: Tensor, steps: int, sequences: Sequence[Tensor]
    ) -> Sequence[Sequence[Tensor]]:
        """Of each step of a turn, in the order they are run, its row of each sequence."""
        if steps == 1:
            return [[emit.gather(sequence, t, self.axis) for sequence in sequences]]
        places = emit.binary("ADD", t, emit.indices(range(steps)))
        if isinstance(self.held, int) and self.held % steps:
            places = emit.binary("MINIMUM", places, scalar(emit, self.held - 1))
        gathered = [emit.gather(sequence, places, self.axis) for sequence in sequences]
        unpacked = [emit.unpack(each, self.axis) for each in gathered]
        order = range(steps)[:: -1 if self.reverse else 1]
        return [[rows[step] for rows in unpacked] for step in order]

    def _together(self, emit: Emitter, outputs: list[Tensor]) -> Tensor:
        """The outputs of a turn along the time axis, in the order of time."""
        if len(outputs) == 1:
            return emit.expand_dims(outputs[0], self.axis)
        return emit.pack(outputs[:: -1 if self.reverse else 1], self.axis)

    def _initial(self, width: int, given: Sequence[Tensor | None]) -> Tensor:
        """An initial state [B, width], that of each lane; zeros where none is given."""
        if all(each is None for each in given):
            return self._filled(len(self.lanes), width)
        lanes = [self._filled(0, width) if g is None else self._batch_of(g) for g in given]
        return self.emit.pack(lanes, 0) if self.lanes else lanes[0]

    def _filled(self, lanes: int, width: int) -> Tensor:
        """Zeros [B, width], for each lane where there is an axis of them."""
        sizes = map(self.emit.indices, [*([n] for n in self.lanes[:lanes]), [width]])
        *ahead, last = sizes
        shape = (*self.lanes[:lanes], self.batch, width)
        return self.emit.fill(self._dims([*ahead, self.batch_size, last]), self._zero, shape)

    def _batch_of(self, given: Tensor) -> Tensor:
        """A state that is given, [B, width]; one row is repeated for every batch entry."""
        width = (given.shape or ())[-1]
        shape = (self.batch, width)
        if given.shape == shape and self.batch != OPEN:
            return given
        size = self._dims([self.batch_size, self.emit.indices([width])])
        return self.emit.op("BROADCAST_TO", [given, size], "FLOAT32", shape)

    def _zeros(self, length: Length) -> Tensor:
        """A tensor for `length` outputs, in y's layout."""
        known = OPEN if isinstance(length, Tensor) else length
        rows = length if isinstance(length, Tensor) else self.emit.indices([length])
        outputs, lanes = self.states[0], self.emit.indices(self.lanes)
        sizes = self._ordered(lanes, rows, self.batch_size)
        dims = self._dims([*sizes, self.emit.indices([outputs])])
        shape = (*self._ordered(len(self.cells), known, self.batch), outputs)
        return self.emit.fill(dims, self._zero, shape)

    def _placed(
        self, emit: Emitter, whole: Tensor, part: Tensor, place: tuple[Integer, Tensor]
    ) -> Tensor:
        """`whole` with `part` at a step; `place`: where `whole` starts (0 if known), the step."""
        zero, (start, t) = scalar(emit, 0), place
        at = emit.binary("SUB", t, start) if isinstance(start, Tensor) else t
        places = [*self._ordered(zero, at, zero), zero]
        options = {"values_count": len(places), "axis": 0}
        begin = emit.op("PACK", places, "INT32", [len(places)], "start", **options)
        return emit.update(whole, part, begin)

    def _trimmed(self, y: Tensor) -> Tensor:
        """y without the places behind the last step."""
        shape = y.shape or ()
        if shape[self.axis] == self.steps:
            return y
        if isinstance(self.steps, int):
            return self.emit.part(y, self.axis, 0, self.steps)
        # A STRIDED_SLICE to a length that is computed copies number by number; GATHER row by row.
        return self.emit.gather(y, numbers(self.emit, 0, self.length, 1), self.axis)

    def _ordered(self, lane: T, time: T, batch: T) -> tuple[T, ...]:
        """Something of the lanes', the time and the batch axis, in the layout's order."""
        ahead = (lane,) * len(self.lanes)
        return (*ahead, time, batch) if self.x_axis == 0 else (*ahead, batch, time)

    def _dims(self, sizes: Sequence[Tensor]) -> Tensor:
        """A shape put together, int32 [rank]; a constant where all of it is."""
        arrays = [size.array for size in sizes]
        known = [a for a in arrays if a is not None]
        if len(known) == len(arrays):
            return self.emit.constant("shape", np.concatenate(known))
        return self.emit.concatenate(sizes, 0)

    @cached_property
    def _zero(self) -> Tensor:
        return self.emit.constant("zero", np.zeros((), np.float32))
