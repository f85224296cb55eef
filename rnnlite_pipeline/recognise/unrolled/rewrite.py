"""Writes a chain as one recurrence over the sequences that its steps read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise import cells
from rnnlite_pipeline.recognise.extents import Extents, Linear
from rnnlite_pipeline.recognise.loop import STEP, Loop, Reading, State, Unrecognised
from rnnlite_pipeline.recognise.rewriter import Replacement
from rnnlite_pipeline.recognise.sequences import Sequences
from rnnlite_pipeline.recognise.systems import systems
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight
from rnnlite_pipeline.recognise.unrolled.reading import Source, Steps, read_steps
from rnnlite_pipeline.recurrence import RECURRENCE, Recurrence

Results = dict[int, tuple[Tensor, Tensor]]


def replace_chain(chain: Chain, name: str) -> Replacement:
    """Reads a chain and writes it as a recurrence; the subgraph is not changed.

    Raises:
        Unrecognised: Some part of the steps is not read; the message says which and why.
    """
    extents = Extents(chain.graph.subgraph)
    steps = read_steps(chain, extents)
    writer = _Writer(chain, steps, name, extents)
    return writer.replacement()


@dataclass(eq=False)
class _Written:
    """A recurrence as ops.

    Attributes:
        recurrence: What it computes.
        y: [T, B, O] in running order.
        finals: The final state [B, width] of each state, the output's first.
        states: The states in the order of `finals`.
    """

    recurrence: Recurrence
    y: Tensor
    finals: list[Tensor]
    states: tuple[State, ...]


class _Writer:
    def __init__(self, chain: Chain, steps: Steps, name: str, extents: Extents) -> None:
        self.chain, self.steps, self.name, self.extents = chain, steps, name, extents
        self.build = Builder(name)
        self.count = len(steps.values[0]) - 1
        self.loop = Loop(chain.products[-1], Linear(self.count), steps.states)
        for symbol, source in steps.sources.items():
            self.loop.readings[symbol] = self._reading(source)

    def replacement(self) -> Replacement:
        """The recurrence, and what it puts in the place of what."""
        written = self._recurrence()
        results = self._results(written)
        replaced = tuple(_between(self.build.ops, results, self.chain.graph))
        return Replacement(
            self.loop, self.extents, self.build.ops, results, [written.recurrence], replaced
        )

    def _reading(self, source: Source) -> Reading:
        """A source as a sequence of as many steps as the chain has."""
        if not source.places:
            packed = self.build.op(
                "PACK",
                source.tensors,
                "FLOAT32",
                (self.count, *(source.tensors[0].shape or ())),
                values_count=self.count,
            )
            return Reading(packed, 0, Linear.symbol(STEP))
        place = source.places[0]
        positions = [p.position for p in source.places]
        part = self._part(place.sequence, place.axis, min(positions))
        forward = Linear.symbol(STEP)
        backward = Linear(self.count - 1) - forward
        return Reading(part, place.axis, forward if source.stride == 1 else backward)

    def _part(self, sequence: Tensor, axis: int, start: int) -> Tensor:
        """`count` steps of a sequence, from `start`."""
        shape = list(sequence.shape or ())
        if shape[axis] == self.count:
            return sequence
        shape[axis] = self.count
        begin, end = [0] * (axis + 1), [0] * (axis + 1)
        begin[axis], end[axis] = start, start + self.count
        others = (1 << axis) - 1
        return self.build.op(
            "STRIDED_SLICE",
            [sequence, *map(self.build.indices, (begin, end, [1] * (axis + 1)))],
            sequence.dtype,
            shape,
            begin_mask=others,
            end_mask=others,
        )

    def _recurrence(self) -> _Written:
        recurring = [s for s in systems(self.loop) if s.recurs]
        if len(recurring) != 1 or len(recurring[0].states) != len(self.loop.states):
            raise Unrecognised("its steps carry more than the states of one cell")
        cell, states, inputs = cells.match(self.loop, recurring[0])
        if not inputs.entries:
            raise Unrecognised("its step reads no sequence")
        sequences = Sequences(self.loop, self.extents, self.build)
        x = sequences.joined([form for form, _ in inputs.entries.values()])
        initial = [self._initial(s) for s in states]
        batch = (x.shape or ())[1]
        y = self.build.tensor("y", "FLOAT32", (self.count, batch, cell.states[0]))
        finals = [
            self.build.tensor(f"final_{k}", "FLOAT32", (batch, width))
            for k, width in enumerate(cell.states)
        ]
        recurrence = Recurrence(self.name, cell)
        options = {"recurrence": recurrence}
        self.build.ops.append(Op(RECURRENCE, [x, *initial], [y, *finals], options))
        return _Written(recurrence, y, finals, states)

    def _initial(self, state: State) -> Tensor | None:
        tensor = self.steps.values[state.variable][0]
        return None if tensor is None or self.extents.is_zero(tensor) else tensor

    def _results(self, written: _Written) -> Results:
        """What the rest of the graph reads of the chain, with what stands for it now."""
        emitted = [t for t in self.steps.values[written.states[0].variable][1:] if t is not None]
        ends = {id(self.steps.values[s.variable][-1]): k for k, s in enumerate(written.states)}
        stacks = {id(op.outputs[0]): op for op in self._stacks(emitted)}
        cuts = {*map(id, emitted), *ends, *stacks}
        wanted = _wanted(self.chain, cuts)
        results: Results = {}
        for op in stacks.values():
            if id(op.outputs[0]) in wanted:
                results[id(op.outputs[0])] = (op.outputs[0], self._stacked(op, emitted, written.y))
        for state in written.states:
            last = self.steps.values[state.variable][-1]
            assert last is not None, "a chain's last step is there"
            if id(last) in wanted:
                results[id(last)] = (last, written.finals[ends[id(last)]])
        single = [t for t in emitted[:-1] if id(t) in wanted]
        if single:
            parts = self._unpacked(written.y)
            results.update((id(t), (t, parts[emitted.index(t)])) for t in single)
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


def _wanted(chain: Chain, cuts: set[int]) -> set[int]:
    """The cut tensors that the rest of the graph reads, when it stops at them.

    Raises:
        Unrecognised: It reads something else of the chain.
    """
    graph = chain.graph
    own = {id(op) for op in chain.products}
    found: set[int] = set()
    stack, seen = list(graph.subgraph.outputs), set[int]()
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


def _between(new: list[Op], results: Results, graph: Straight) -> Iterable[Op]:
    """The old ops between what the new ops read and what is replaced, in execution order."""
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
