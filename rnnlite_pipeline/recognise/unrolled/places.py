"""Which step of which sequence a tensor is: what UNPACK, slices, GATHER and SPLIT give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.graph.slicing import read_step
from rnnlite_pipeline.recognise.unrolled.chains import Straight


@dataclass(frozen=True)
class Place:
    """One step of a sequence.

    Attributes:
        sequence: [T, B, F], or [B, T, F] where `axis` is 1.
        axis: The axis of time.
        position: Counted from 0.
    """

    sequence: Tensor
    axis: int
    position: int


def places(graph: Straight) -> dict[int, Place]:
    """The place of every tensor [B, F] that is one step of a sequence, by the tensor's id."""
    return {id(tensor): place for op in graph.subgraph.ops for tensor, place in _steps(op, graph)}


def consecutive(found: Sequence[Place | None]) -> tuple[Place, ...]:
    """The places, if they are steps of one sequence one after the other, in either direction."""
    known = tuple(place for place in found if place is not None)
    if len(known) < max(2, len(found)) or len({(id(p.sequence), p.axis) for p in known}) > 1:
        return ()
    strides = {b.position - a.position for a, b in pairwise(known)}
    return known if strides in ({1}, {-1}) else ()


def part(build: Builder, place: Place, start: int, count: int) -> Tensor:
    """`count` steps from `start` of the sequence that a place is in, laid out as it is."""
    sequence, axis = place.sequence, place.axis
    if (sequence.shape or ())[axis] == count:
        return sequence
    return build.part(sequence, axis, start, start + count, entries=axis + 1)


def _steps(op: Op, graph: Straight) -> Iterator[tuple[Tensor, Place]]:
    out = op.outputs[0] if op.outputs else None
    if out is None or out.dtype != "FLOAT32" or len(out.shape or ()) != 2:
        return
    source = op.inputs[0] if op.inputs else None
    if source is None or len(source.shape or ()) != 3:
        return
    if op.code == "UNPACK":
        axis = op.options["axis"] % 3
        if axis < 2:
            yield from ((t, Place(source, axis, k)) for k, t in enumerate(op.outputs))
        return
    readers = {
        "STRIDED_SLICE": _sliced,
        "GATHER": _gathered,
        "RESHAPE": _unsplit,
        "SQUEEZE": _unsplit,
    }
    place = readers[op.code](op, source, graph) if op.code in readers else None
    if place is not None:
        yield out, place


def _sliced(op: Op, source: Tensor, _graph: Straight) -> Place | None:
    """A slice that shrinks one axis and keeps all of the others."""
    found = read_step(op)
    return None if found is None else _at(source, *found)


def _gathered(op: Op, source: Tensor, _graph: Straight) -> Place | None:
    index = op.inputs[1].array if op.inputs[1] is not None else None
    if index is None or index.shape != () or op.options.get("batch_dims", 0):
        return None
    return _at(source, op.options.get("axis", 0) % 3, int(index))


def _unsplit(op: Op, source: Tensor, graph: Straight) -> Place | None:
    """One part of a SPLIT into steps, without the axis that is left of time."""
    split = graph.producer(source)
    if split is None or split.code != "SPLIT" or split.inputs[0] is None:
        return None
    axis_value, whole = split.inputs[0].array, split.inputs[1]
    if axis_value is None or whole is None:
        return None
    axis, shape = int(axis_value) % 3, source.shape or ()
    left = (*shape[:axis], *shape[axis + 1 :])
    if shape[axis] != 1 or op.outputs[0].shape != left:
        return None
    number = next(k for k, t in enumerate(split.outputs) if t is source)
    return _at(whole, axis, number)


def _at(sequence: Tensor, axis: int, position: int) -> Place | None:
    length = (sequence.shape or ())[axis]
    if position < 0:
        position += length if length != OPEN else 0
    return Place(sequence, axis, position) if axis < 2 and position >= 0 else None
