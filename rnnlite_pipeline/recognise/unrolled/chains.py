"""Finds chains: products by one matrix, each of which depends on the one before.

A recurrence that was written out step by step multiplies one state after the other by the same
recurrent matrix. Nothing else in a usual graph does, so a graph without chains costs one pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import takewhile

from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import PRODUCTS


@dataclass(frozen=True, eq=False)
class Straight:
    """A subgraph as straight-line code: who makes what, and what the constants are."""

    subgraph: Subgraph

    @cached_property
    def producers(self) -> dict[int, Op]:
        """The op that makes each tensor, by the tensor's id."""
        return {id(t): op for op in self.subgraph.ops for t in op.outputs}

    @cached_property
    def _digests(self) -> dict[int, str]:
        return {}

    def producer(self, tensor: Tensor) -> Op | None:
        """The op that makes a tensor; None for an input or a constant."""
        return self.producers.get(id(tensor))

    def content(self, tensor: Tensor) -> str:
        """Equal for constants of equal dtype, shape and data."""
        if id(tensor) not in self._digests:
            data = blake2b(tensor.data or b"", digest_size=12).hexdigest()
            self._digests[id(tensor)] = f"{tensor.dtype}{tensor.shape}{data}"
        return self._digests[id(tensor)]

    def same(self, tensors: Sequence[Tensor]) -> bool:
        """Whether all are one tensor, or equal constants."""
        first = tensors[0]
        if all(t is first for t in tensors):
            return True
        if any(t.data is None for t in tensors):
            return False
        return len({self.content(t) for t in tensors}) == 1


@dataclass(frozen=True, eq=False)
class Chain:
    """Products by one matrix, in the order in which each depends on the one before."""

    graph: Straight
    products: tuple[Op, ...]

    @cached_property
    def levels(self) -> dict[int, int]:
        """By tensor id, how many of the products it depends on; what is missing, on none."""
        levels: dict[int, int] = {}
        own = {id(op) for op in self.products}
        for op in self.graph.subgraph.ops:
            level = max((levels.get(id(t), 0) for t in op.inputs if t is not None), default=0)
            level += id(op) in own
            if level:
                levels.update((id(t), level) for t in op.outputs)
        return levels

    def level(self, tensor: Tensor) -> int:
        """How many of the products a tensor depends on."""
        return self.levels.get(id(tensor), 0)


def scope(products: Sequence[Op]) -> str:
    """The scope that the products' names have in common: the layer that its author wrote."""
    names = [op.outputs[0].name.split(";")[0].split("/")[:-1] for op in products]
    common = takewhile(lambda parts: len(set(parts)) == 1, zip(*names, strict=False))
    return "/".join(parts[0] for parts in common) or products[0].outputs[0].name


def chains(graph: Straight) -> list[Chain]:
    """Every chain of two products or more: the longest first, then those that begin first."""
    found = [chain for group in _repeated(graph) for chain in _paths(graph, group)]
    place = {id(op): k for k, op in enumerate(graph.subgraph.ops)}
    return sorted(found, key=lambda c: (-len(c.products), place[id(c.products[0])]))


def _paths(graph: Straight, group: list[Op]) -> Iterator[Chain]:
    """The longest path of products from each that depends on none."""
    parents = _parents(graph.subgraph, group)
    longest: dict[int, list[Op]] = {}
    for op in reversed(group):
        path = [op, *longest.get(id(op), [])]
        before = parents.get(id(op))
        if before is None:
            if len(path) > 1:
                yield Chain(graph, tuple(path))
        elif len(path) >= len(longest.get(before, [])):
            longest[before] = path


def _repeated(graph: Straight) -> Iterator[list[Op]]:
    """Products of rows by one constant matrix, where there are several."""
    shapes: dict[Hashable, list[Op]] = defaultdict(list)
    for op in graph.subgraph.ops:
        weights = op.inputs[1] if op.code in PRODUCTS else None
        is_row = weights is not None and len(op.outputs[0].shape or ()) == 2
        if weights is not None and is_row and weights.data is not None:
            shapes[op.code, weights.shape].append(op)
    groups: dict[Hashable, list[Op]] = defaultdict(list)
    for alike in shapes.values():
        for op in alike if len(alike) > 1 else ():
            weights = op.inputs[1]
            assert weights is not None, "only products by a matrix were taken"
            groups[op.code, graph.content(weights)].append(op)
    yield from (group for group in groups.values() if len(group) > 1)


def _parents(subgraph: Subgraph, group: list[Op]) -> dict[int, int]:
    """For each product of the group, the nearest one of it that it depends on; by op id.

    Nearest by the number of ops between: two layers that share their weights are two chains.
    """
    order = {id(op): k for k, op in enumerate(group)}
    nearest: dict[int, tuple[int, int]] = {}
    parents: dict[int, int] = {}
    for op in subgraph.ops:
        known = [nearest[id(t)] for t in op.inputs if id(t) in nearest]
        found = min(known, default=None)
        number = order.get(id(op))
        if number is not None:
            if found is not None:
                parents[id(op)] = id(group[found[1]])
            found = (-1, number)
        if found is not None:
            nearest.update((id(t), (found[0] + 1, found[1])) for t in op.outputs)
    return parents
