"""Cuts a loop and its replacement out of a model, each as a separate model."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.extract import standing_alone
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Tensor
from rnnlite_pipeline.recognise import Replacement
from rnnlite_pipeline.recognise.loop.loop import State
from rnnlite_pipeline.runtimes.partition import is_foreign
from rnnlite_pipeline.shapes.extents import Extents


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A loop alone and its replacement alone.

    Attributes:
        old: The loop, or the steps written out.
        new: What replaces it, with the same inputs and outputs; RECURRENCE ops are not lowered.
        inputs: The tensor of the model that each input stands for, in order.
    """

    old: Model
    new: Model
    inputs: tuple[Tensor, ...]


def excerpt(replacement: Replacement, woken: bool = False) -> Excerpt:
    """Cuts out a loop and its replacement.

    Of steps written out, what each of them puts out is an output as well (`_stacking`).

    Args:
        replacement: What takes the place of what; not changed.
        woken: Whether states that start from zero are inputs of both.
    """
    extents = replacement.extents
    pairs = list(replacement.results.values())
    before = around(replaced(replacement), extents)
    inputs = [t for t in before.inputs if t.dtype in NUMPY]
    stacking = _stacking(replacement, before.ops)
    pairs += [(op.outputs[0], _recurrence(replacement).outputs[0]) for op in stacking]
    old = standing_alone(inputs, [o for o, _ in pairs], [*before.ops, *stacking])
    made = {id(t) for op in replacement.ops for t in op.outputs}
    reading = around(replacement.ops, extents)
    fresh = [op for op in reading.ops if not any(id(t) in made for t in op.outputs)]
    new = standing_alone(inputs, [n for _, n in pairs], [*fresh, *replacement.ops])
    copies: dict[int, Any] = {}
    old, new = copy.deepcopy((old, new), copies)
    if woken:
        inputs += _wake(replacement, old, new, copies)
    return Excerpt(old, new, tuple(inputs))


def _wake(
    replacement: Replacement, old: Model, new: Model, copies: Mapping[int, Any]
) -> list[Tensor]:
    """Makes inputs of the states that start from zero, in both copies; gives the zeros.

    A recurrence that no result of the loop reads is in neither copy: a sum that nobody takes.
    """
    loop = replacement.loop.op
    read = {id(t) for op in replacement.ops for t in op.inputs}
    starts = [s for s in replacement.starts if id(s.op) in copies]
    variables = dict.fromkeys(s.state.variable for s in starts)
    woken: list[Tensor] = []
    for variable in variables:
        zeros = loop.inputs[variable]
        if zeros is None or id(zeros) in read or len(zeros.shape or ()) != 2:
            continue
        woken.append(zeros)
        first, again = (Tensor("state", zeros.dtype, zeros.shape) for _ in range(2))
        copies[id(loop)].inputs[variable] = first
        build = Builder("woken")
        for start in (s for s in starts if s.state.variable == variable):
            columns = _columns(build, again, start.state)
            copies[id(start.op)].inputs[start.slot] = columns
        new.main.ops[:0] = build.ops
        name = f"input_{len(old.main.inputs)}"
        for model, tensor in ((old, first), (new, again)):
            model.main.inputs.append(tensor)
            model.signatures[0].inputs[name] = tensor
    prune(old)
    return woken


def _columns(build: Builder, whole: Tensor, state: State) -> Tensor:
    """The part of a loop's variable [B, width] that a state is."""
    batch, width = whole.shape or ()
    if (state.start, state.stop) == (0, width):
        return whole
    size = (batch, state.stop - state.start)
    begin, sizes = build.indices([0, state.start]), build.indices([OPEN, size[1]])
    return build.op("SLICE", [whole, begin, sizes], whole.dtype, size)


def _stacking(replacement: Replacement, ops: list[Op]) -> list[Op]:
    """What stacks the outputs of steps written out as the recurrence's first output [T, B, O].

    However many steps are strung together, the first ones tell of the cell. Empty for loops, and
    where `ops` do not compute each step.
    """
    emitted = replacement.emitted
    made = {id(t) for op in ops for t in op.outputs}
    if not emitted or not made.issuperset(map(id, emitted)):
        return []
    build, shape = Builder("steps"), (len(emitted), *(emitted[0].shape or ()))
    build.op("PACK", emitted, "FLOAT32", shape, values_count=len(emitted), axis=0)
    return build.ops


def _recurrence(replacement: Replacement) -> Op:
    return next(op for op in replacement.ops if op.code == RECURRENCE)


def replaced(replacement: Replacement) -> list[Op]:
    """The old ops: the loop and what stacks its lists, or the steps written out."""
    return list(replacement.replaced) or [replacement.loop.op, *_stacks(replacement)]


def _stacks(replacement: Replacement) -> Iterator[Op]:
    for old, _ in replacement.results.values():
        op = replacement.extents.producer(old)
        if op is not None and op is not replacement.loop.op:
            stack = replacement.extents.producer(op.inputs[0])
            if stack is not None and stack is not replacement.loop.op:  # a step is taken of it
                yield stack
            yield op


@dataclass(frozen=True, eq=False)
class Around:
    """What some ops need: earlier ops that only measure shapes or make zeros, and inputs."""

    ops: list[Op]
    inputs: list[Tensor]


def around(ops: list[Op], extents: Extents) -> Around:
    """What `ops` need of the graph they stand in."""
    found: dict[int, Op] = {}
    inputs: dict[int, Tensor] = {}
    own = {id(op) for op in ops}
    made = {id(t) for op in ops for t in op.outputs}

    def visit(op: Op) -> None:
        if id(op) in found:
            return
        for tensor in op.inputs:
            if tensor is None or tensor.data is not None:
                continue
            before = extents.producer(tensor)
            if before is not None and (id(before) in own or _is_made_here(tensor, extents)):
                visit(before)
            elif id(tensor) not in made:
                inputs[id(tensor)] = tensor
        found[id(op)] = op

    for op in ops:
        visit(op)
    return Around(list(found.values()), list(inputs.values()))


def _is_made_here(tensor: Tensor, extents: Extents) -> bool:
    before = extents.producer(tensor)
    if before is not None and is_foreign(before) and tensor.dtype in NUMPY:
        return False
    return tensor.dtype in ("VARIANT", "INT32", "INT64") or extents.is_zero(tensor)
