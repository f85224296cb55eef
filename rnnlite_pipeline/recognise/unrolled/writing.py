"""Writes the equations of a step as a recurrence, and finds what the rest of the graph reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.cells.general import general
from rnnlite_pipeline.recognise.cells.unify import Unified
from rnnlite_pipeline.recognise.loop.loop import Loop, State, Unrecognised
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.loop.sequences import Sequences
from rnnlite_pipeline.recognise.loop.systems import System, systems
from rnnlite_pipeline.recognise.unrolled.chains import Straight
from rnnlite_pipeline.shapes.extents import Extents

#: By the id of each old tensor that is used: itself and the one for it now.
Results = dict[int, tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Written:
    """A recurrence as an op.

    Attributes:
        recurrence: What it computes.
        y: [T, B, O] in running order.
        finals: The final state [B, width] of each state, the output's first.
        states: The states in the order of `finals`.
    """

    recurrence: Recurrence
    y: Tensor
    finals: tuple[Tensor, ...]
    states: tuple[State, ...]


def write(
    loop: Loop, extents: Extents, build: Builder, initial: Callable[[State], Tensor | None]
) -> Written:
    """Adds the recurrence that a step is, over the sequences it reads, to `build`.

    Args:
        loop: The step's equations and sequences.
        extents: The run-time integers of the graph it stands in.
        build: Its prefix is the layer's name.
        initial: Each state [B, width] before the first step; None for zero.

    Raises:
        Unrecognised: The step is no cell known here, or no single one.
    """
    recurring = [s for s in systems(loop) if s.recurs]
    if len(recurring) != 1 or len(recurring[0].states) != len(loop.states):
        raise Unrecognised("its steps carry more than the states of one cell")
    cell, states, inputs = _matched(loop, recurring[0])
    if not inputs.entries:
        raise Unrecognised("its step reads no sequence")
    x = Sequences(loop, extents, build).joined([form for form, _ in inputs.entries.values()])
    befores = [initial(state) for state in states]
    steps, batch = (x.shape or ())[:2]
    y = build.tensor("y", "FLOAT32", (steps, batch, cell.states[0]))
    finals = tuple(
        build.tensor(f"final_{k}", "FLOAT32", (batch, width)) for k, width in enumerate(cell.states)
    )
    recurrence = Recurrence(build.prefix, cell)
    build.ops.append(Op(RECURRENCE, [x, *befores], [y, *finals], {"recurrence": recurrence}))
    return Written(recurrence, y, finals, states)


def _matched(loop: Loop, system: System) -> Unified:
    """The cell; where it has no fused op but a name, the reason says the name."""
    try:
        return cells.match(loop, system)
    except Unrecognised as problem:
        reason = str(problem)
    with suppress(Unrecognised):
        reason = general(loop, system, system.states[:1], reason)[0].reason
    raise Unrecognised(reason)


def replacement(
    graph: Straight,
    loop: Loop,
    extents: Extents,
    build: Builder,
    outcome: tuple[Written, Results],
) -> Replacement:
    """What takes the place of the ops between the results and what the new ops read."""
    written, results = outcome
    replaced = tuple(_between(build.ops, results, graph))
    return Replacement(loop, extents, build.ops, results, [written.recurrence], replaced)


def _between(new: list[Op], results: Results, graph: Straight) -> Iterable[Op]:
    """The old ops from what the new ops read to what is replaced, in execution order."""
    made = {id(t) for op in new for t in op.outputs}
    borders = {id(t) for op in new for t in op.inputs if t is not None} - made
    inside: set[int] = set()
    stack = [old for old, _ in results.values()]
    while stack:
        op = graph.producer(stack.pop())
        if op is not None and id(op) not in inside:
            inside.add(id(op))
            stack += [t for t in op.inputs if t is not None and id(t) not in borders]
    return [op for op in graph.subgraph.ops if id(op) in inside]


def wanted(graph: Straight, cuts: set[int], own: set[int]) -> set[int]:
    """The cut tensors that the rest of the graph reads, when it stops at them.

    Args:
        graph: The graph.
        cuts: The ids of tensors that are to be replaced.
        own: The ids of ops that are to vanish.

    Raises:
        Unrecognised: It needs one of `own` for something else.
    """
    found: set[int] = set()
    seen: set[int] = set()
    stack = list(graph.subgraph.outputs)
    while stack:
        tensor = stack.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if id(tensor) in cuts:
            found.add(id(tensor))
            continue
        op = graph.producer(tensor)
        if op is not None and id(op) in own:
            raise Unrecognised("more is used of its steps than its outputs and its last states")
        stack += [t for t in op.inputs if t is not None] if op is not None else []
    return found
