"""Puts recurrences in the place of the loops that were read as such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.extents import Extents, Linear
from rnnlite_pipeline.recognise.loop import STEP, Loop, State, Unrecognised, read_loop
from rnnlite_pipeline.recognise.sequences import Sequences
from rnnlite_pipeline.recognise.systems import systems
from rnnlite_pipeline.recognise.values import Rows
from rnnlite_pipeline.recurrence import RECURRENCE, Recurrence

NOT_STACKED = "the list it writes is used otherwise than as one tensor"


@dataclass(frozen=True, eq=False)
class Replacement:
    """What takes a loop's place.

    Attributes:
        loop: The loop as it was read.
        extents: The run-time integers of the graph it stands in.
        ops: The new ops, in execution order.
        results: By the id of each old tensor that is used: itself and the one for it now.
        recurrences: The recurrences among the ops, first layer first.
    """

    loop: Loop
    extents: Extents
    ops: list[Op]
    results: dict[int, tuple[Tensor, Tensor]]
    recurrences: list[Recurrence]


def replace_loop(op: Op, subgraph: Subgraph, name: str) -> Replacement:
    """Reads a WHILE op and writes it as recurrences; the subgraph is not changed.

    Raises:
        Unrecognised: Some part of the loop is not read; the message says which and why.
    """
    extents = Extents(subgraph)
    loop = read_loop(op, extents)
    build = Builder(name)
    sequences = Sequences(loop, extents, build)
    finals: dict[str, Tensor] = {}
    recurrences = []
    found = systems(loop)
    for number, system in enumerate(found):
        if not system.recurs:
            _carried(system.states[0], sequences, finals)
            continue
        cell, states, inputs = cells.match(loop, system)
        layer = name if len(found) == 1 else f"{name}/{number}"
        if not inputs.entries:
            raise Unrecognised("its step reads no sequence")
        recurrence = Recurrence(layer, cell)
        x = sequences.joined([form for form, _ in inputs.entries.values()])
        initial = [_initial(state, sequences) for state in states]
        outputs = _outputs(layer, x, states)
        options = {"recurrence": recurrence}
        build.ops.append(Op(RECURRENCE, [x, *initial], list(outputs), options))
        sequences.define(states[0].after, outputs[0])
        finals.update((s.after.key, t) for s, t in zip(states, outputs[1:], strict=True))
        recurrences.append(recurrence)
    results = dict(_results(op, loop, subgraph, sequences, finals))
    return Replacement(loop, extents, build.ops, results, recurrences)


def _carried(state: State, sequences: Sequences, finals: dict[str, Tensor]) -> None:
    """A variable that only carries what a step computed, such as the last output."""
    y = sequences.of(state.equation)
    sequences.define(state.after, y)
    atom = state.equation.atom
    known = finals.get(atom.key) if atom else None
    finals[state.after.key] = sequences.last(y) if known is None else known


def _outputs(layer: str, x: Tensor, states: tuple[State, ...]) -> tuple[Tensor, ...]:
    """y [T, B, O] and the final states [B, width]."""
    steps, batch, _ = x.shape or ()
    widths = [s.stop - s.start for s in states]
    y = Tensor(f"{layer}/y", "FLOAT32", (steps, batch, widths[0]))
    return y, *(Tensor(f"{layer}/final_{k}", "FLOAT32", (batch, w)) for k, w in enumerate(widths))


def _initial(state: State, sequences: Sequences) -> Tensor | None:
    """The state before the first step, None where it is zero."""
    tensor = sequences.loop.op.inputs[state.variable]
    assert tensor is not None, "a WHILE has all its operands"
    if sequences.extents.is_zero(tensor):
        return None
    return sequences.columns(tensor, state.start, state.stop)


def _results(
    op: Op, loop: Loop, subgraph: Subgraph, sequences: Sequences, finals: dict[str, Tensor]
) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
    """Every output of the loop that is used, with what stands for it now."""
    users: dict[int, list[Op]] = {}
    for user in subgraph.ops:
        for tensor in user.inputs:
            users.setdefault(id(tensor), []).append(user)
    wanted = {id(t) for t in subgraph.outputs} | set(users)
    for k, old in enumerate(op.outputs):
        if id(old) not in wanted:
            continue
        if k in loop.kept:
            new = op.inputs[k]
        elif k in loop.writings:
            if old in subgraph.outputs:
                raise Unrecognised(NOT_STACKED)
            for user in users.get(id(old), []):
                stacked = user.outputs[0]
                yield id(stacked), (stacked, _stacked(k, user, loop, sequences, finals))
            continue
        elif k in loop.counters:
            new = _counted(op, k, loop, sequences)
        else:
            parts = [finals[s.after.key] for s in loop.states if s.variable == k]
            new = parts[0]
            if len(parts) > 1:
                new = sequences.build.concatenate(parts, axis=1)
        assert new is not None, "a WHILE has all its operands"
        yield id(old), (old, new)


def _counted(op: Op, k: int, loop: Loop, sequences: Sequences) -> Tensor:
    """A counter after the last step: a constant, or the bound it ran up to."""
    value = loop.counters[k].replaced(STEP, loop.steps)
    if value.is_constant:
        return sequences.build.indices(value.constant)
    for tensor in op.inputs:
        if tensor is None or tensor.dtype != "INT32" or tensor.shape:
            continue
        if sequences.extents.scalar(tensor) == value:
            return tensor
    raise Unrecognised("the number of steps it counted is used after it")


def _stacked(
    k: int, stack: Op, loop: Loop, sequences: Sequences, finals: dict[str, Tensor]
) -> Tensor:
    """What a list written by the loop holds, stacked: [T, B, n], or [1, B, n] for the last step."""
    if stack.code != "FlexTensorListStack":
        raise Unrecognised(NOT_STACKED)
    writing, length = loop.writings[k], _length(loop.op.inputs[k], sequences.extents)
    if not isinstance(writing.item, Rows):
        raise Unrecognised(getattr(writing.item, "reason", "it writes what is not one row each"))
    form, step = writing.item.form, Linear.symbol(STEP)
    if length == Linear(1) and writing.index == Linear(0):
        atom = form.atom
        final = finals.get(atom.key) if atom else None
        if final is None:
            raise Unrecognised("it keeps the last step of something other than a state")
        return sequences.build.expand_dims(final, axis=0)
    if length != loop.steps:
        raise Unrecognised("the list it writes is not known to be as long as its steps")
    y = sequences.of(form)
    if writing.index == step:
        return y
    if writing.index == loop.steps - Linear(1) - step:
        return sequences.reversed(y)
    raise Unrecognised("it writes its outputs neither forwards nor backwards")


def _length(tensor: Tensor | None, extents: Extents) -> Linear:
    """How many items the list has that a loop starts with.

    Raises:
        Unrecognised: It was filled before.
    """
    reserve = extents.producer(tensor)
    if reserve is None or reserve.code != "FlexTensorListReserve" or reserve.inputs[1] is None:
        raise Unrecognised("the list it writes was not new")
    return extents.scalar(reserve.inputs[1])
