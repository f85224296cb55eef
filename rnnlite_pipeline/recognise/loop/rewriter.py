"""Writes a loop's equations as recurrences: one attempt, by one way of reading its cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from rnnlite_pipeline.algebra.forms import of
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.loop.lengths import check_early_end
from rnnlite_pipeline.recognise.loop.list_lengths import Start as ListStart
from rnnlite_pipeline.recognise.loop.list_lengths import list_start, longer
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, State, Unrecognised
from rnnlite_pipeline.recognise.loop.read import is_list, read_loop
from rnnlite_pipeline.recognise.loop.sequences import Sequences
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Rows
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear

NOT_AS_LONG = "the list it writes is not known to be as long as its steps"
NOT_STACKED = "the list it writes is used otherwise than as one tensor"


@dataclass(frozen=True, eq=False)
class Start:
    """A state that starts from zero.

    Attributes:
        op: The RECURRENCE op.
        slot: The operand that its first value would be; it is None.
        state: The state in the loop's variable.
    """

    op: Op
    slot: int
    state: State


@dataclass(frozen=True, eq=False)
class Replacement:
    """The ops that replace a loop.

    Attributes:
        loop: The loop as it was read.
        extents: The run-time integers of the graph it stands in.
        ops: The new ops, in execution order.
        results: By the id of each old tensor that is used: itself and the one for it now.
        recurrences: The recurrences among the ops, first layer first.
        replaced: The old ops it stands for; empty where they are the loop and what stacks its
            lists.
        emitted: Of steps written out, what each puts out [B, O], in running order: the steps of
            the recurrence's first output.
        starts: The states that start from zero, where no other part of the result relies on that.
    """

    loop: Loop
    extents: Extents
    ops: list[Op]
    results: dict[int, tuple[Tensor, Tensor]]
    recurrences: list[Recurrence]
    replaced: tuple[Op, ...] = ()
    emitted: tuple[Tensor, ...] = ()
    starts: tuple[Start, ...] = ()


#: What a system is, given its loop and the states whose every step is used.
Reader: TypeAlias = Callable[[Loop, System, list[State]], tuple[Cell, tuple[State, ...], Inputs]]


class Rewriter:
    """One attempt at one loop.

    Attributes:
        loop: The loop as it is read for this attempt.
        sequences: The sequences made so far.
        hands_out_states: Whether a list holds what the states are, at the last step too.
    """

    hands_out_states = True

    def __init__(self, op: Op, subgraph: Subgraph, name: str) -> None:
        self.op, self.subgraph, self.name = op, subgraph, name
        self.extents = Extents(subgraph)
        self.loop = self.prepared(read_loop(op, self.extents))
        self.build = Builder(name)
        self.sequences = Sequences(self.loop, self.extents, self.build)
        self.finals: dict[str, Tensor] = {}
        self.recurrences: list[Recurrence] = []
        self.starts: list[Start] = []

    def prepared(self, loop: Loop) -> Loop:
        """The loop as this attempt takes it."""
        check_early_end(loop)
        return loop

    def put_out(self, y: Tensor) -> Tensor:
        """What a list holds, given what its form gives in every step [T, B, n]."""
        return y

    def final(self, state: State) -> Tensor:
        """The state after the loop [B, n]."""
        return self.finals[state.after.key]

    def rewritten(self, parted: Callable[[Loop], list[System]], read: Reader) -> Replacement:
        """The loop as recurrences: its states parted into systems, and each one read."""
        found = parted(self.loop)
        for number, system in enumerate(found):
            layer = self.name if len(found) == 1 else f"{self.name}/{number}"
            if system.recurs:
                self._recur(layer, *read(self.loop, system, self._emitted(system)))
            else:
                self._carry(system.states[0])
        results = dict(self._results())
        relies = not self.hands_out_states or self.sequences.running.may_be_none
        free = (s for s in self.starts if s.state.before.key not in self.sequences.from_zero)
        starts = () if relies else tuple(free)
        made = Replacement(self.loop, self.extents, self.build.ops, results, self.recurrences)
        return dataclasses.replace(made, starts=starts)

    def _recur(self, layer: str, cell: Cell, states: tuple[State, ...], inputs: Inputs) -> None:
        """Writes one recurrence and says which sequences and final states it gives."""
        if not inputs.entries:
            raise Unrecognised("its step reads no sequence")
        x = self.sequences.joined([form for form, _ in inputs.entries.values()])
        initial = [self._initial(state) for state in states]
        together = len(cell.states) - len(states)
        outputs = _outputs(layer, x, cell)
        recurrence = Recurrence(layer, cell)
        zeros: list[Tensor | None] = [None] * together
        op = Op(RECURRENCE, [x, *zeros, *initial], list(outputs), {"recurrence": recurrence})
        self.build.ops.append(op)
        slots = zip(range(1 + together, len(op.inputs)), states, initial, strict=True)
        self.starts += [Start(op, slot, state) for slot, state, given in slots if given is None]
        self.recurrences.append(recurrence)
        running = self.sequences.running
        for state, final, first in zip(states, outputs[1 + together :], initial, strict=True):
            self.finals[state.after.key] = running.ended(final, first)
            self.sequences.define_before(state.before, state.after, first)
        start, width = 0, cell.states[0]
        for state in states:
            stop = start + state.stop - state.start
            if stop <= width:
                y = self.sequences.columns(outputs[0], start, stop)
                self.sequences.define(state.after, y)
            start = stop

    def _emitted(self, system: System) -> list[State]:
        """The states of a system whose every step something outside it reads."""
        outside = [s.equation for s in self.loop.states if s not in system.states]
        steps = [
            w.item.form
            for k, w in self.loop.writings.items()
            if isinstance(w.item, Rows) and not self._keeps_last(k) and not self._ends(k)
        ]
        forms = [*outside, *steps]
        read = {s.key for form in forms for s in form.symbols()}
        whole = {self.loop.whole(s).key for form in forms for s in form.symbols()}
        return [s for s in system.states if {s.after.key, s.before.key} & (read | whole)]

    def _keeps_last(self, variable: int) -> bool:
        return self._length(variable) == Linear(1) and self.loop.steps != Linear(1)

    def _ends(self, variable: int) -> list[Tensor]:
        """The last steps taken of a list of a state, if nothing else is: each is the final state.

        So is the cell state of tf.scan, which hands out the states of every step.
        """
        if self._listed(variable) is None:
            return []
        stacks = self._users.get(id(self.op.outputs[variable]), [])
        stacked = [op.outputs[0] for op in stacks]
        takers = [op for tensor in stacked for op in self._users.get(id(tensor), [])]
        last = all(op.code == "FlexTensorListStack" for op in stacks) and all(
            tensor not in self.subgraph.outputs for tensor in stacked
        )
        forward = self.loop.writings[variable].index == Linear.symbol(STEP)
        ends = last and all(self._takes_end(op, forward=forward) for op in takers)
        return [op.outputs[0] for op in takers] if ends else []

    def _listed(self, variable: int) -> State | None:
        """The state that a list holds after each step, in order and from the first to the last."""
        writing, old = self.loop.writings[variable], self.op.outputs[variable]
        if old.dtype != "VARIANT" or old in self.subgraph.outputs or not self.hands_out_states:
            return None
        whole = self._length(variable) == self.loop.steps and self.loop.lengths is None
        if not whole or writing.index not in self._orders() or not isinstance(writing.item, Rows):
            return None
        key = writing.item.form.key
        return next((s for s in self.loop.states if of(s.after).key == key), None)

    def _orders(self) -> tuple[Linear, Linear]:
        """The places of the steps of a list from its first item to its last, and backwards."""
        step = Linear.symbol(STEP)
        return step, self.loop.steps - Linear(1) - step

    def _takes_end(self, op: Op, *, forward: bool) -> bool:
        """Whether an op takes the last item along the first axis, or else the first, whole."""
        spans = self.extents.spans(op) if op.code == "STRIDED_SLICE" else None
        if not spans:
            return False
        first, *rest = spans
        at_end = first.stop == first.length if forward else first.start == Linear()
        return first.shrunk and at_end and all(s.is_whole for s in rest)

    @cached_property
    def _users(self) -> dict[int, list[Op]]:
        """The ops that read each tensor, by its id."""
        users: dict[int, list[Op]] = {}
        for user in self.subgraph.ops:
            for tensor in user.inputs:
                users.setdefault(id(tensor), []).append(user)
        return users

    def _carry(self, state: State) -> None:
        """Handles a variable that only carries a value of a step, such as the last output."""
        y = self.sequences.of(state.equation)
        self.sequences.define(state.after, y)
        atom = state.equation.atom
        known = self.finals.get(atom.key) if atom else None
        if known is None:
            last = self.sequences.last(y)
            known = self.sequences.running.ended(last, self._initial(state))
        self.finals[state.after.key] = known

    def _initial(self, state: State) -> Tensor | None:
        """The state before the first step, None where it is zero."""
        tensor = self.op.inputs[state.variable]
        assert tensor is not None, "a WHILE has all its operands"
        if is_list(tensor) or self.extents.is_zero(tensor):
            return None
        return self.sequences.columns(tensor, state.start, state.stop)

    def _results(self) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
        """Every output of the loop that is used, with what stands for it now."""
        users = self._users
        for k, old in enumerate(self.op.outputs):
            if k not in self.loop.writings:
                if id(old) in users or old in self.subgraph.outputs:
                    yield id(old), (old, self._result(k))
                continue
            if old.dtype != "VARIANT":
                if id(old) in users or old in self.subgraph.outputs:
                    yield id(old), (old, self._stacked(k))
                continue
            if old in self.subgraph.outputs:
                raise Unrecognised(NOT_STACKED)
            state, ends = self._listed(k), self._ends(k)
            if state is not None and ends:
                yield from ((id(end), (end, self.final(state))) for end in ends)
                continue
            for user in users.get(id(old), []):
                stacked = user.outputs[0]
                if user.code != "FlexTensorListStack":
                    raise Unrecognised(NOT_STACKED)
                yield id(stacked), (stacked, self._stacked(k))

    def _result(self, k: int) -> Tensor:
        """What stands for the loop's output k, which is no list."""
        if k in self.loop.kept:
            tensor = self.op.inputs[k]
            assert tensor is not None, "a WHILE has all its operands"
            return tensor
        if k in self.loop.counters:
            return self._counted(k)
        parts = [self.final(s) for s in self.loop.states if s.variable == k]
        return parts[0] if len(parts) == 1 else self.build.concatenate(parts, axis=1)

    def _counted(self, k: int) -> Tensor:
        """A counter after the last step: a constant, or the bound it ran up to."""
        value = self.loop.counters[k].replaced(STEP, self.loop.steps)
        if value.is_constant and self.loop.lengths is None:
            return self.build.indices(value.constant)
        for tensor in self.op.inputs:
            if tensor is None or tensor.dtype != "INT32" or tensor.shape:
                continue
            if self.extents.scalar(tensor) == value and self.loop.lengths is None:
                return tensor
        raise Unrecognised("the number of steps it counted is used after it")

    def _length(self, k: int) -> Linear:
        """How many items the list in variable k has after the loop.

        Raises:
            Unrecognised: It is not new, or grows by a number known only at run time.
        """
        writing, new = self.loop.writings[k], self._start(k).length
        if not writing.grows:
            return new
        if self.loop.lengths is not None:
            raise Unrecognised("the list it writes grows until the longest sequence ends")
        steps, each = self.loop.steps, writing.index.factor(STEP)
        return longer(steps if each else writing.index + Linear(1), new)

    def _stacked(self, k: int) -> Tensor:
        """What a list holds, stacked: [T, B, n], or [1, B, n] for the last step."""
        writing, length = self.loop.writings[k], self._length(k)
        if not isinstance(writing.item, Rows):
            reason = getattr(writing.item, "reason", "it writes what is not one row each")
            raise Unrecognised(reason)
        form, step = writing.item.form, Linear.symbol(STEP)
        if length == Linear(1) and writing.index == Linear(0):
            state = next((s for s in self.loop.states if form.key == of(s.after).key), None)
            if state is None:
                raise Unrecognised("it keeps the last step of something other than a state")
            return self.build.expand_dims(self.final(state), axis=0)
        y = self.sequences.of(form)
        for forward, order in ((True, step), (False, self.loop.steps - Linear(1) - step)):
            place = writing.index - order
            if place.is_constant or place + self.loop.steps == length:
                return self._filled(k, y, place, forward=forward)
        raise Unrecognised("it writes its outputs neither forwards nor backwards")

    def _filled(self, k: int, y: Tensor, first: Linear, *, forward: bool) -> Tensor:
        """The list in variable k: y [T, B, n] from place `first` on, and what was there before.

        Raises:
            Unrecognised: Some of its places are not known to be filled.
        """
        length, end = self._length(k), first + self.loop.steps
        before, after = first, length - end
        y = self.put_out(y) if forward else self.sequences.reversed(self.put_out(y))
        running = self.sequences.running
        if before == after == Linear():
            return running.cut(y, length, at_end=forward)
        start, ends = self._start(k), []
        for place, count in ((Linear(), before), (end, after)):
            if not count.is_constant or count.constant < 0:
                raise Unrecognised(NOT_AS_LONG)
            ends.append([self._item(start, place + Linear(i)) for i in range(count.constant)])
        whole = self.build.concatenate([*ends[0], y, *ends[1]], axis=0)
        if running.may_be_none and (ends[0] if not forward else ends[1]):
            raise Unrecognised(NOT_AS_LONG)
        return running.cut(whole, length, at_end=forward)

    def _item(self, start: ListStart, place: Linear) -> Tensor:
        """An item [1, B, n] that was in a list before the loop."""
        if start.whole is not None and place.is_constant:
            return self.build.part(start.whole, 0, place.constant, place.constant + 1)
        if place not in start.items:
            raise Unrecognised(NOT_AS_LONG)
        return self.build.expand_dims(start.items[place], axis=0)

    def _start(self, k: int) -> ListStart:
        """The list in variable k before the loop."""
        return list_start(self.op.inputs[k], self.extents)


def _outputs(layer: str, x: Tensor, cell: Cell) -> tuple[Tensor, ...]:
    """y [T, B, O] and the final states [B, width]."""
    steps, batch, _ = x.shape or ()
    y = Tensor(f"{layer}/y", "FLOAT32", (steps, batch, cell.states[0]))
    widths = enumerate(cell.states)
    return y, *(Tensor(f"{layer}/final_{k}", "FLOAT32", (batch, w)) for k, w in widths)
