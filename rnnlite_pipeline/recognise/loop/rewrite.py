"""Puts recurrences in the place of the loops that were read as such."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from rnnlite_pipeline.algebra.forms import of
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.graph.ir import Op, Subgraph
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.cells.general import general
from rnnlite_pipeline.recognise.loop.by_length import ByLength
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised, Writing
from rnnlite_pipeline.recognise.loop.rewriter import Reader, Replacement, Rewriter
from rnnlite_pipeline.recognise.loop.state import State
from rnnlite_pipeline.recognise.loop.systems import System, merged, systems
from rnnlite_pipeline.recognise.symbolic.values import Rows

__all__ = ["Replacement", "replace_loop"]


def replace_loop(op: Op, subgraph: Subgraph, name: str) -> Replacement:
    """Reads a WHILE op and writes it as recurrences; the subgraph is not changed.

    Three attempts: as cells that have fused ops; as such cells with a length for each batch entry;
    and as any named cell, or with the equations as they are.

    Raises:
        Unrecognised: Some part of the loop is not read; the message says which and why.
    """
    try:
        return Rewriter(op, subgraph, name).rewritten(systems, _named)
    except Unrecognised as problem:
        reason = str(problem)
    with suppress(Unrecognised):
        return ByLength(op, subgraph, name).rewritten(systems, _named)
    try:
        return _Emitting(op, subgraph, name).rewritten(merged, _general(reason))
    except Unrecognised as problem:
        raise Unrecognised(reason) from problem


def _named(loop: Loop, system: System, _: list[State]) -> tuple[Cell, tuple[State, ...], Inputs]:
    return cells.match(loop, system, fused=True)


def _general(reason: str) -> Reader:
    """Reads a system as a named cell if that puts out what is used, else as its equations."""

    def read(
        loop: Loop, system: System, emitted: list[State]
    ) -> tuple[Cell, tuple[State, ...], Inputs]:
        why_not = reason
        try:
            cell, states, inputs = cells.match(loop, system)
        except Unrecognised as problem:
            parted = [set(s.states) for s in systems(loop)]
            why_not = str(problem) if set(system.states) in parted else reason
        else:
            if set(emitted) <= {states[0]}:
                return cell, states, inputs
        ordered = System((*emitted, *(s for s in system.states if s not in emitted)))
        equations, inputs = general(loop, ordered, emitted, why_not)
        return equations, ordered.states, inputs

    return read


class _Emitting(Rewriter):
    """An attempt in which what is put out from inside a step becomes a state of its own."""

    def prepared(self, loop: Loop) -> Loop:
        """The loop with a state for each list item that no state after the step gives."""
        loop = super().prepared(loop)
        states, writings = list(loop.states), dict(loop.writings)
        for k, writing in loop.writings.items():
            item = writing.item
            if isinstance(item, Rows) and any(
                isinstance(s.name, Before) for s in item.form.symbols()
            ):
                state = State(k, 0, item.form.width, item.form)
                states.append(state)
                writings[k] = Writing(Rows(of(state.after)), writing.index)
        return replace(loop, states=states, writings=writings)
