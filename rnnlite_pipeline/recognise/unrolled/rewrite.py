"""Puts one recurrence in the place of a chain's steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Reading, State
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.unrolled.chains import Chain
from rnnlite_pipeline.recognise.unrolled.places import part
from rnnlite_pipeline.recognise.unrolled.reading import Source, Steps, read_steps
from rnnlite_pipeline.recognise.unrolled.writing import (
    Results,
    Written,
    replacement,
    wanted,
    write,
)
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear


def replace_chain(chain: Chain, name: str, folded: bool = False) -> Replacement:
    """Reads a chain and writes it as a recurrence; the subgraph is not changed.

    Args:
        chain: The products of the steps.
        name: The layer's.
        folded: Whether there must be a step before those of the chain.

    Raises:
        Unrecognised: Some part of the steps is not read; the message says which and why.
    """
    extents = Extents(chain.graph.subgraph)
    return _Rewriter(chain, read_steps(chain, extents, folded), name, extents).replacement()


class _Rewriter:
    def __init__(self, chain: Chain, steps: Steps, name: str, extents: Extents) -> None:
        self.chain, self.steps, self.extents = chain, steps, extents
        self.build = Builder(name)
        self.count = len(steps.values[0]) - 1
        # Only what is read of a WHILE's own variables needs the WHILE op; here there are none.
        self.loop = Loop(chain.products[-1], Linear(self.count), steps.states)
        for symbol, source in steps.sources.items():
            self.loop.readings[symbol] = self._reading(source)

    def replacement(self) -> Replacement:
        """The recurrence, and which tensor replaces which."""
        written = write(self.loop, self.extents, self.build, self._initial)
        outcome = (written, self._results(written))
        made = replacement(self.chain.graph, self.loop, self.extents, self.build, outcome)
        return dataclasses.replace(made, emitted=tuple(self._emitted(written)))

    def _emitted(self, written: Written) -> list[Tensor]:
        """What each step puts out."""
        column = self.steps.values[written.states[0].variable]
        return [t for t in column[1:] if t is not None]

    def _reading(self, source: Source) -> Reading:
        """A source as a sequence of as many steps as the chain has."""
        if not source.places:
            shape = (self.count, *(source.tensors[0].shape or ()))
            packed = self.build.op(
                "PACK", source.tensors, "FLOAT32", shape, values_count=self.count
            )
            return Reading(packed, 0, Linear.symbol(STEP))
        place = source.places[0]
        start = min(p.position for p in source.places)
        steps = part(self.build, place, start, self.count)
        forward = Linear.symbol(STEP)
        backward = Linear(self.count - 1) - forward
        return Reading(steps, place.axis, forward if source.stride == 1 else backward)

    def _initial(self, state: State) -> Tensor | None:
        tensor = self.steps.values[state.variable][0]
        return None if tensor is None or self.extents.is_zero(tensor) else tensor

    def _results(self, written: Written) -> Results:
        """What the rest of the graph reads of the chain, with what stands for it now."""
        graph = self.chain.graph
        emitted = self._emitted(written)
        ends = [self.steps.values[s.variable][-1] for s in written.states]
        stacks = list(self._stacks(emitted))
        cuts = {id(t) for t in (*emitted, *ends, *(op.outputs[0] for op in stacks))}
        used = wanted(graph, cuts, {id(op) for op in self.chain.products})
        results: Results = {}
        for op in stacks:
            if id(op.outputs[0]) in used:
                results[id(op.outputs[0])] = (op.outputs[0], self._stacked(op, emitted, written.y))
        for end, final in zip(ends, written.finals, strict=True):
            if end is not None and id(end) in used:
                results[id(end)] = (end, final)
        if any(id(t) in used for t in emitted[:-1]):
            pairs = zip(emitted, self._unpacked(written.y), strict=True)
            results.update((id(t), (t, step)) for t, step in pairs if id(t) in used)
        return results

    def _stacks(self, emitted: list[Tensor]) -> Iterator[Op]:
        """The ops that pack all outputs, in running order or the reverse."""
        order = [id(t) for t in emitted]
        for op in self.chain.graph.subgraph.ops:
            packs = op.code == "PACK" and op.options["axis"] in (0, 1)
            if packs and [id(t) for t in op.inputs] in (order, order[::-1]):
                yield op

    def _stacked(self, pack: Op, emitted: list[Tensor], y: Tensor) -> Tensor:
        forward = pack.inputs[0] is emitted[0]
        stacked = y if forward else self.build.reverse(y, axis=0)
        return self.build.transpose(stacked, [1, 0, 2]) if pack.options["axis"] == 1 else stacked

    def _unpacked(self, y: Tensor) -> list[Tensor]:
        shape = (y.shape or ())[1:]
        parts = [self.build.tensor(f"step_{k}", y.dtype, shape) for k in range(self.count)]
        self.build.ops.append(make_op("UNPACK", [y], parts, num=self.count, axis=0))
        return parts
