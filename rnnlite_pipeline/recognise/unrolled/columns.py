"""The steps of a chain side by side: one column of tensors for each quantity of the step.

A column holds what one quantity is in step 1, step 2, ..., step n, where step k is what
depends on the first k products of the chain and not on the next:

    inside    computed in its own step
    carried   computed in the step before: a state, as the step finds it
    outside   computed in none
    same      one constant, or one tensor

From the states that the products read, the columns are followed backwards; every carried one
that is met is a state, too. What a state is after the last step is found by how it was computed
in the step before.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

from rnnlite_pipeline.algebra.maps import hashed
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.unrolled.chains import Chain

Column: TypeAlias = tuple[Tensor, ...]

#: Why most chains are no recurrence.
NOT_ALIKE = "its steps do not all compute the same from the step before them"


class Kind(Enum):
    """Where the tensors of a column come from."""

    INSIDE = auto()
    CARRIED = auto()
    OUTSIDE = auto()
    SAME = auto()


def key(column: Column) -> tuple[int, ...]:
    """Equal for columns of the same tensors."""
    return tuple(map(id, column))


class Columns:
    """The columns of one chain.

    Attributes:
        chain: The chain; its products are n.
        states: Each state before and after: [0, ..., n-1] and [1, ..., n], the one that the
            chain's products read first.
    """

    def __init__(self, chain: Chain) -> None:
        """Finds the states.

        Raises:
            Unrecognised: The steps are not alike.
        """
        self.chain = chain
        self.states: list[tuple[Column, Column]] = []
        self._carried: dict[tuple[int, ...], Column] = {}
        self._visited: set[tuple[int, ...]] = set()
        self._colourings: dict[int, dict[int, str]] = {}
        self._visit(tuple(p.outputs[0] for p in chain.products))
        while fresh := self._fresh():
            for before in fresh:
                after = (*before[1:], self._after_last(before[-1]))
                self.states.append((before, after))
                self._visit(after)

    def kind(self, column: Column) -> Kind:
        """Where the tensors of a column come from.

        Raises:
            Unrecognised: From steps further back, or from constants that differ.
        """
        if self.chain.graph.same(column):
            return Kind.SAME
        levels = [self.chain.level(t) for t in column]
        if levels == [*range(1, len(column) + 1)]:
            return Kind.INSIDE
        if levels == [*range(len(column))]:
            return Kind.CARRIED
        if any(levels):
            raise Unrecognised(NOT_ALIKE)
        if all(t.data is not None for t in column):
            raise Unrecognised("its steps have different weights")
        return Kind.OUTSIDE

    def op(self, column: Column) -> tuple[Op, int] | None:
        """The op that makes a column and the output it is; None if not every step has it alike."""
        ops = [self.chain.graph.producer(t) for t in column]
        last = ops[-1]
        if last is None:
            return None
        place = next(k for k, t in enumerate(last.outputs) if t is column[-1])
        for op, tensor in zip(ops, column, strict=True):
            alike = op is not None and _signature(op) == _signature(last)
            if not alike or op is None or op.outputs[place] is not tensor:
                return None
        return last, place

    def inputs(self, column: Column) -> Iterator[Column]:
        """What the ops of a column read, a column for each operand that is there."""
        ops = [self.chain.graph.producers[id(t)] for t in column]
        for operands in zip(*(op.inputs for op in ops), strict=True):
            column = tuple(t for t in operands if t is not None)
            if column:
                yield column

    def _visit(self, column: Column) -> None:
        """Follows a column backwards to the states it depends on."""
        stack = [column]
        while stack:
            column = stack.pop()
            if key(column) in self._visited:
                continue
            self._visited.add(key(column))
            kind = self.kind(column)
            if kind is Kind.CARRIED and not self._joins_outside(column):
                self._carried[key(column)] = column
            elif kind in (Kind.INSIDE, Kind.CARRIED):
                if self.op(column) is None:
                    raise Unrecognised(NOT_ALIKE)
                stack += self.inputs(column)

    def _joins_outside(self, column: Column) -> bool:
        """Whether a carried column is [x, h], joined to be multiplied."""
        made = self.op(column)
        if made is None or made[0].code != "CONCATENATION":
            return False
        return any(self.kind(part) is Kind.OUTSIDE for part in self.inputs(column))

    def _fresh(self) -> list[Column]:
        """The carried columns that are states of their own, and not yet known as such."""
        known = {key(before) for before, _ in self.states}
        return [
            column
            for k, column in self._carried.items()
            if k not in known and not self._is_derived(column)
        ]

    def _is_derived(self, column: Column) -> bool:
        """Whether a carried column is a function of other carried ones, as w*c is of c."""
        stack, depends = [column], False
        while stack:
            current = stack.pop()
            if current is not column and key(current) in self._carried:
                depends = True
                continue
            try:
                kind = self.kind(current)
            except Unrecognised:
                return False
            if kind in (Kind.SAME, Kind.OUTSIDE):
                continue
            made = self.op(current)
            if made is None or any(made[0] is p for p in self.chain.products):
                return False
            stack += self.inputs(current)
        return depends

    def _after_last(self, tensor: Tensor) -> Tensor:
        """What a state is after the last step: computed as `tensor` was in the step before."""
        steps = len(self.chain.products)
        wanted = self._colours(steps - 1).get(id(tensor))
        for op in self.chain.graph.subgraph.ops:
            for found in op.outputs:
                if wanted is not None and self._colours(steps).get(id(found)) == wanted:
                    return found
        raise Unrecognised(NOT_ALIKE)

    def _colours(self, level: int) -> dict[int, str]:
        """By id, how each tensor of a step is computed from what the step finds."""
        if level not in self._colourings:
            colours: dict[int, str] = {}
            for op in self.chain.graph.subgraph.ops:
                if any(self.chain.level(t) == level for t in op.outputs):
                    inputs = [self._colour(t, colours) for t in op.inputs]
                    for k, tensor in enumerate(op.outputs):
                        colours[id(tensor)] = hashed(f"{_signature(op)}{inputs}{k}")
            self._colourings[level] = colours
        return self._colourings[level]

    def _colour(self, tensor: Tensor | None, colours: dict[int, str]) -> str:
        if tensor is None:
            return "-"
        if tensor.data is not None:
            return self.chain.graph.content(tensor)
        return colours.get(id(tensor), "*")


def _signature(op: Op) -> str:
    """Equal for ops that compute the same of their inputs."""
    absent = [t is None for t in op.inputs]
    return f"{op.code}{sorted(op.options.items(), key=lambda o: o[0])}{absent}{len(op.outputs)}"
