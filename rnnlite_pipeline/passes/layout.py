"""Which layout the recurrences run in: time-major [T, B, F] or batch-major [B, T, F]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import REAL
from rnnlite_pipeline.passes.sequence_ops import (
    SWAP,
    is_recurrent,
    is_time_major,
    permutation,
    sequences_of,
)

TimeMajor = Literal["keep"] | bool

#: Ops that a sequence passes through in either layout.
PASSING = REAL | {"CONCATENATION", "REVERSE_V2"}

#: Ops that read a sequence without caring for its layout.
INDIFFERENT = frozenset({"SHAPE", "STRIDED_SLICE", "GATHER"})


def layout(model: Model, time_major: TimeMajor) -> bool:
    """Sets `time_major` of every recurrence; the model's inputs and outputs stay as they are.

    1. True, False: recurrences in the other layout are turned.
    2. "keep": recurrences that are chained, with no TRANSPOSE of time and batch between them,
       are turned together where more of the edges at which they meet the rest of the graph have
       such a TRANSPOSE than have none. So a chain that its source wraps in transposes (Keras)
       runs batch-major, and one that it does not wrap stays time-major.
    3. To turn: x goes through a TRANSPOSE, and so does y. `fold_transpose` cancels what it can.
    """
    changed = False
    for subgraph in model.subgraphs:
        for op in _to_turn(subgraph, time_major):
            _turn(subgraph, op)
            changed = True
    return changed


def _to_turn(subgraph: Subgraph, time_major: TimeMajor) -> list[Op]:
    recurrent = [op for op in subgraph.ops if is_recurrent(op)]
    if time_major != "keep":
        return [op for op in recurrent if is_time_major(op) != time_major]
    edges = _Edges(subgraph)
    return [op for chain in edges.chains(recurrent) for op in chain if edges.gains(chain)]


class _Edges:
    """Where the recurrences of a subgraph meet each other and the rest of the graph."""

    def __init__(self, subgraph: Subgraph) -> None:
        self._made, self._readers = producers(subgraph), consumers(subgraph)
        self._outputs = subgraph.outputs

    def chains(self, recurrent: list[Op]) -> list[list[Op]]:
        """The recurrences in groups that no TRANSPOSE of time and batch separates."""
        chains: list[list[Op]] = []
        for op in recurrent:
            met = {end for end in self._ends(op) if isinstance(end, Op)}
            linked = [c for c in chains if met.intersection(c)]
            chains = [c for c in chains if c not in linked]
            chains.append([op, *(other for c in linked for other in c)])
        return chains

    def gains(self, chain: list[Op]) -> bool:
        """Whether fewer TRANSPOSEs are left when the chain is turned."""
        wrapped = [end for op in chain for end in self._ends(op) if isinstance(end, bool)]
        return wrapped.count(True) > wrapped.count(False)

    def _ends(self, op: Op) -> Iterator[Op | bool]:
        """What x comes from and y goes to: a recurrent op, or whether there is a TRANSPOSE."""
        seen: set[Tensor] = set()
        if op.inputs[0] is not None:
            yield from self._up(op.inputs[0], seen)
        for y in sequences_of(op):
            yield from self._down(y, seen)

    def _up(self, tensor: Tensor, seen: set[Tensor]) -> Iterator[Op | bool]:
        op = self._made.get(tensor)
        if tensor in seen or tensor.data is not None:
            return
        seen.add(tensor)
        if op is not None and is_recurrent(op) and tensor in sequences_of(op):
            yield op
        elif op is not None and op.code in PASSING:
            for source in op.inputs:
                if source is not None:
                    yield from self._up(source, seen)
        else:
            yield permutation(op) == SWAP

    def _down(self, tensor: Tensor, seen: set[Tensor]) -> Iterator[Op | bool]:
        if tensor in seen:
            return
        seen.add(tensor)
        if tensor in self._outputs:
            yield False
        for op in self._readers.get(tensor, []):
            if is_recurrent(op) and op.inputs[0] is tensor:
                yield op
            elif op.code in PASSING:
                yield from self._down(op.outputs[0], seen)
            elif op.code not in INDIFFERENT:
                yield permutation(op) == SWAP


def _turn(subgraph: Subgraph, op: Op) -> None:
    x, options = op.inputs[0], op.options
    assert x is not None
    name = next(iter(options.values())).name
    before, after = Builder(name), Builder(name)
    op.inputs[0] = before.transpose(x, SWAP)
    op.options = {k: replace(r, time_major=not r.time_major) for k, r in options.items()}
    for y in sequences_of(op):
        turned = after.tensor("turned", y.dtype, y.shape and [y.shape[a] for a in SWAP])
        op.outputs = [turned if t is y else t for t in op.outputs]
        after.transpose(turned, SWAP)
        after.ops[-1].outputs = [y]
    place = subgraph.ops.index(op)
    subgraph.ops[place : place + 1] = [*before.ops, op, *after.ops]
