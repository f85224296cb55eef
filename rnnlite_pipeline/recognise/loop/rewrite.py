"""Puts recurrences in the place of the loops that were read as such."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from rnnlite_pipeline.algebra.forms import of
from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.cells.gates import Inputs
from rnnlite_pipeline.recognise.cells.general import general
from rnnlite_pipeline.recognise.loop.lengths import length_of
from rnnlite_pipeline.recognise.loop.loop import Loop, State, Unrecognised, Writing
from rnnlite_pipeline.recognise.loop.masks import emitted, unmasked
from rnnlite_pipeline.recognise.loop.rewriter import Reader, Replacement, Rewriter
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
        return _ByLength(op, subgraph, name).rewritten(systems, _named)
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


class _ByLength(Rewriter):
    """An attempt that runs cells over the whole sequence and then cuts it at the lengths.

    What a fused op puts out up to an entry's length is right, because later steps do not change
    earlier ones. After the length the outputs are zero, and the final state is the output of step
    length - 1.
    """

    hands_out_states = False
    _given: Tensor

    def prepared(self, loop: Loop) -> Loop:
        """The loop without its mask.

        Raises:
            Unrecognised: Not every state has one mask, or it is no length.
        """
        loop = super().prepared(loop)
        masked = unmasked(System(tuple(loop.states)))
        lengths = length_of(masked, loop) if masked else None
        if masked is None or lengths is None:
            raise Unrecognised("its mask is no length")
        self._given = lengths
        writings = {}
        for k, writing in loop.writings.items():
            item = writing.item
            form = emitted(item.form, masked) if isinstance(item, Rows) else None
            if form is None:
                raise Unrecognised("what it puts out after a length is not zero")
            writings[k] = replace(writing, item=Rows(masked.updates.referring(form)))
        return replace(loop, states=list(masked.system.states), writings=writings)

    def put_out(self, y: Tensor) -> Tensor:
        """y [T, B, n] up to each length, and zero after."""
        build, (steps, batch, _) = self.build, y.shape or ()
        count = build.reshape(build.dimension(y, 0), [])
        places = build.op("RANGE", [build.indices(0), count, build.indices(1)], "INT32", [steps])
        step = build.reshape(places, [steps, 1, 1])
        inside = build.binary("LESS", step, build.reshape(self._lengths(), [1, batch, 1]))
        zero = self.sequences.row([0.0])
        return build.op("SELECT_V2", [inside, y, zero], "FLOAT32", y.shape)

    def final(self, state: State) -> Tensor:
        """The state [B, n] at each length, or the first where the length is 0.

        Raises:
            Unrecognised: It is no output of its cell, so that its every step is not known.
        """
        build, y = self.build, self.sequences.of_symbol(state.after)
        _, batch, width = y.shape or ()
        lengths = self._lengths()
        last = build.binary("SUB", build.reshape(build.dimension(y, 0), []), build.indices(1))
        before = build.binary("SUB", lengths, build.indices(1))
        place = build.binary("MINIMUM", build.binary("MAXIMUM", before, build.indices(0)), last)
        rows = build.transpose(y, [1, 0, 2])
        index = build.reshape(place, [batch, 1])
        step = build.op("GATHER", [rows, index], "FLOAT32", [batch, 1, width], axis=1, batch_dims=1)
        some = build.reshape(build.binary("GREATER", lengths, build.indices(0)), [batch, 1])
        initial = self._initial(state) or self.sequences.row([0.0])
        value = build.reshape(step, [batch, width])
        return build.op("SELECT_V2", [some, value, initial], "FLOAT32", [batch, width])

    def _lengths(self) -> Tensor:
        """The lengths [B], int32."""
        if self._given.dtype == "INT32":
            return self._given
        return self.build.op("CAST", [self._given], "INT32", self._given.shape)


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
